# What the tests of WebSocket and CONNECT share: openings as bytes, upstreams that agree to them,
# and the other projects' programs as children.
import base64
import hashlib
import json
import os
import pathlib
import queue
import subprocess
import threading

from tests.fakes import certs
from tests.fakes.child import HANG_GUARD_SECONDS, base_environment
from tests.fakes.raw_client import RawClient
from tests.integration.http.support import TOKEN, HttpCase, fields_of

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE.parents[1] / "e2e/node_modules"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the one of RFC 6455, which libraries copy


def accept_of(key: str) -> str:
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def opening(path: str, fields: str = "", key: str = KEY, method: str = "GET", version: str = "13",
            host: str = "relay.test") -> bytes:
    """A client's request; `fields` are whole lines, each with its CRLF."""
    return (f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: {version}\r\n{fields}\r\n").encode()


def agreement(head: bytes, fields: str = "", accept: str | None = None,
              upgrade: str = "websocket") -> bytes:
    """The 101 to what came up."""
    right = accept_of(fields_of(head)["sec-websocket-key"])
    value = right if accept is None else accept
    line = f"Sec-WebSocket-Accept: {value}\r\n" if value else ""
    return (f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {upgrade}\r\nConnection: Upgrade\r\n"
            f"{line}{fields}\r\n").encode()


def echoing(fields: str = "", behind: bytes = b""):
    """Agrees, and sends every byte back; ends as the other side does."""
    def script(connection):
        connection.send(agreement(connection.recv_head(), fields) + behind)
        while True:
            connection.send(connection.recv_some())
    return script


class Lines:
    """A child that prints JSON lines, ended by its pid."""

    def __init__(self, test, command: list[str], **env):
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, env=base_environment() | env)
        self._lines: queue.Queue = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        test.addCleanup(self.close)

    def _read(self) -> None:
        for line in self.child.stdout:
            self._lines.put(json.loads(line))

    def next(self, name: str) -> dict:
        """The next line that has the field."""
        while name not in (line := self._lines.get(timeout=HANG_GUARD_SECONDS)):
            pass
        return line

    def close(self) -> None:
        self.child.terminate()
        self.child.wait(HANG_GUARD_SECONDS)
        self._reader.join(HANG_GUARD_SECONDS)
        self.child.stdout.close()
        self.child.stderr.close()


class UpgradeCase(HttpCase):
    def open(self, relay, path: str, fields: str = "", behind: bytes = b"", **options) -> RawClient:
        """A connection with its opening sent, and what the client may say too early."""
        client = self.client(relay)
        client.send(opening(path, fields, **options) + behind)
        return client

    def websocket(self, relay, path: str, fields: str = "") -> RawClient:
        """An open one."""
        client = self.open(relay, path, fields)
        self.assertEqual(client.read_head().status, 101)
        return client

    def node(self, *words: str) -> list[str]:
        if not (MODULES / "ws").is_dir():
            self.skipTest("npm's ws is not installed: npm ci in tests/e2e")
        return ["node", str(HERE / "ws_peer.mjs"), *words]

    def ws_server(self) -> tuple[Lines, int]:
        good = certs.server()
        server = Lines(self, self.node("serve", good.cert, good.key))
        return server, server.next("port")["port"]

    def run_peer(self, command: list[str]) -> dict:
        done = subprocess.run(command, capture_output=True, timeout=HANG_GUARD_SECONDS * 2,
                              env=base_environment() | {
                                  "NODE_EXTRA_CA_CERTS": certs.authority().ca_file,
                                  "SSL_CERT_FILE": certs.authority().ca_file})
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)

    def ask_ws(self, url: str, **wanted) -> dict:
        return self.run_peer(self.node("ask", url, json.dumps(wanted)))

    def ask_websockets(self, url: str, **wanted) -> dict:
        python = "/usr/bin/python3"  # Debian's, for which the package is
        found = subprocess.run([python, "-c", "import websockets"], capture_output=True)
        if not os.path.exists(python) or found.returncode != 0:
            self.skipTest("python3-websockets is not installed")
        return self.run_peer([python, str(HERE / "websockets_peer.py"), url, json.dumps(wanted)])


__all__ = ["KEY", "TOKEN", "Lines", "UpgradeCase", "accept_of", "agreement", "echoing", "opening"]
