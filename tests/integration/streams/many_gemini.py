# A model of Google's for a thousand streams at once: every first answer stops in the middle until
# all are cut together, every answer that goes on stops again until it is let go. Owned by one test,
# on its event loop; with the clients that read those streams.
import asyncio
import json

from tests.integration.streams.cutting_gemini import HEAD, chunk, stream

TEXT = "".join(f"Sentence {n} of an answer that takes its time. " for n in range(60))
GUARD_SECONDS = 120.0


class Gate:
    """Counts who waits at it."""

    def __init__(self):
        self._open = asyncio.Event()
        self._came = asyncio.Condition()
        self.waiting = 0

    async def wait(self) -> None:
        async with self._came:
            self.waiting += 1
            self._came.notify_all()
        await self._open.wait()

    async def reached_by(self, count: int) -> None:
        async with self._came:
            await asyncio.wait_for(self._came.wait_for(lambda: self.waiting >= count),
                                   GUARD_SECONDS)

    def open(self) -> None:
        self._open.set()


class ManyGemini:
    def __init__(self):
        self.cut, self.go_on = Gate(), Gate()
        self._connections: dict[asyncio.StreamWriter, asyncio.Task] = {}

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096,
                                                  limit=1 << 16)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        serving = list(self._connections.values())
        for writer in list(self._connections):
            writer.close()
        await asyncio.gather(*serving)
        await self._server.wait_closed()

    def next_round(self) -> None:
        self.cut, self.go_on = Gate(), Gate()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections[writer] = asyncio.current_task()
        try:
            while (said := await self._asked(reader)) is not None:
                await self._answer(said, writer)
                if not said:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the relay has no more to ask here
        finally:
            del self._connections[writer]
            writer.close()

    async def _asked(self, reader: asyncio.StreamReader) -> str | None:
        """What the model is shown of its own turn."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        turns = json.loads(await reader.readexactly(length))["contents"]
        return "".join(part["text"] for part in turns[1]["parts"]) if len(turns) > 1 else ""

    async def _answer(self, said: str, writer: asyncio.StreamWriter) -> None:
        events = stream(TEXT[len(said):])
        half = events[:events.index(b"\r\n\r\n", len(events) // 2) + 4]
        writer.write(HEAD + chunk(half))
        await (self.go_on if said else self.cut).wait()
        if said:
            writer.write(chunk(events[len(half):]) + b"0\r\n\r\n")
            await writer.drain()


class Reading(asyncio.Protocol):
    """All that comes until the connection ends, in whatever way."""

    def __init__(self):
        self.received = bytearray()
        self.ended = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, _) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def read_all(address: str, request: bytes) -> bytes:
    """The body of an answer that ends with its connection."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    transport, reading = await loop.create_connection(Reading, host, int(port))
    try:
        transport.write(request)
        await asyncio.wait_for(reading.ended, GUARD_SECONDS)
    finally:
        transport.abort()
    return bytes(reading.received).partition(b"\r\n\r\n")[2]
