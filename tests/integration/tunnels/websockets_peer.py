#!/usr/bin/python3
# python3-websockets as the client of a WebSocket, as a program: Debian's package belongs to
# Debian's Python, which need not be the one that runs the tests. Usage: websockets_peer.py URL JSON
# with {"protocols": […], "headers": {…}, "sizes": […], "deflate": bool, "close": [code, reason]};
# prints what it saw as JSON.
import asyncio
import json
import os
import sys

import websockets


async def ask(url: str, wanted: dict) -> dict:
    socket = await websockets.connect(
        url, subprotocols=wanted.get("protocols") or None, max_size=None, ping_interval=None,
        extra_headers=wanted.get("headers") or {},
        compression="deflate" if wanted.get("deflate") else None)
    extensions = [extension.name for extension in socket.extensions]
    result = {"protocol": socket.subprotocol or "", "extensions": ",".join(extensions),
              "echoes": {}}
    for size in wanted.get("sizes", []):
        sent, words = os.urandom(size), "wörter " * (size // 8)
        await socket.send(sent)
        whole = await socket.recv() == sent
        await socket.send(words)
        result["echoes"][str(size)] = [whole, await socket.recv() == words]
        # A message in fragments arrives as one, and its fragments are the client's own.
        await socket.send([sent[:size // 2], sent[size // 2:]])
        result["echoes"][str(size)].append(await socket.recv() == sent)
    await (await socket.ping(b"are you there"))
    code, reason = wanted.get("close", [1000, ""])
    await socket.close(code, reason)
    result["closed"] = [socket.close_code, socket.close_reason]
    return result


def main() -> int:
    try:
        print(json.dumps(asyncio.run(ask(sys.argv[1], json.loads(sys.argv[2])))))
    except websockets.InvalidStatusCode as refused:
        print(json.dumps({"status": refused.status_code}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
