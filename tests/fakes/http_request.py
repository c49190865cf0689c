# A request as it came over a Wire: its head byte for byte, its body hashed and, up to a limit,
# kept. Owned by the connection's serving task. Lenient on purpose: the fake records what a relay
# sends, tests judge it; what cannot be framed at all raises BadRequest.
import hashlib
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.wire import Wire

KEPT_BODY_BYTES = 32 << 20
HEAD_LIMIT = 1 << 20


class BadRequest(Exception):
    pass


@dataclass
class Request:
    method: str
    target: str
    version: str
    headers: list  # (name, value), in order, spelling kept
    head: bytes    # raw, with its empty line
    body: bytes = b""
    body_bytes: int = 0
    body_hash: object = field(default_factory=hashlib.sha256)
    trailers: list = field(default_factory=list)
    body_read: bool = False

    def get(self, name: str) -> str | None:
        return next((v for n, v in self.headers if n.lower() == name), None)

    @property
    def path(self) -> str:
        return self.target.split("?", 1)[0]

    @property
    def query(self) -> dict:
        return {k: v[-1] for k, v in parse_qs(urlsplit(self.target).query,
                                              keep_blank_values=True).items()}

    @property
    def key(self) -> str | None:
        """The credential, wherever a dialect carries it."""
        bearer = self.get("authorization") or ""
        if bearer.lower().startswith("bearer "):
            return bearer[7:].strip()
        return (self.get("x-api-key") or self.get("x-goog-api-key") or self.get("api-key")
                or self.query.get("key"))

    @property
    def json(self) -> dict:
        """The body as an object; {} where it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def model(self) -> str:
        if "/models/" in self.path:
            return unquote(self.path.rpartition("/models/")[2].partition(":")[0])
        return str(self.json.get("model", ""))


async def read_until(wire: Wire, mark: bytes) -> bytes:
    data = bytearray()
    while (at := data.find(mark)) < 0:
        if len(data) > HEAD_LIMIT:
            raise BadRequest("no end of a line or head")
        data += await wire.more()
    at += len(mark)
    wire.give_back(bytes(data[at:]))
    return bytes(data[:at])


async def read_head(wire: Wire) -> Request:
    raw = await read_until(wire, b"\r\n\r\n")
    lines = raw[:-4].decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3:
        raise BadRequest(f"not a request line: {lines[0]!r}")
    headers = [(n, v.strip(" \t")) for n, _, v in (line.partition(":") for line in lines[1:])]
    return Request(*parts, headers, raw)


async def read_body(wire: Wire, request: Request, pace=None) -> None:
    """Reads the whole body into `request`. `pace(bytes so far)` is awaited after each read: a slow
    reader waits there. Sends 100 where the client waits for it."""
    chunked = "chunked" in (request.get("transfer-encoding") or "").lower()
    length = int(request.get("content-length") or 0)
    if (request.get("expect") or "").lower() == "100-continue" and (chunked or length):
        await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    if not chunked:
        await take(wire, request, length, pace)
    while chunked:
        line = await read_until(wire, b"\r\n")
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise BadRequest(f"chunk size {line!r}") from None
        if size == 0:
            while (line := await read_until(wire, b"\r\n")) != b"\r\n":
                name, _, value = line[:-2].decode("latin-1").partition(":")
                request.trailers.append((name, value.strip(" \t")))
            break
        await take(wire, request, size, pace)
        if await read_until(wire, b"\r\n") != b"\r\n":
            raise BadRequest("a chunk longer than its size")
    request.body_read = True


async def take(wire: Wire, request: Request, count: int, pace) -> None:
    while count:
        data = await wire.more()
        if len(data) > count:
            wire.give_back(data[count:])
            data = data[:count]
        count -= len(data)
        request.body_bytes += len(data)
        request.body_hash.update(data)
        if len(request.body) < KEPT_BODY_BYTES:
            request.body += data
        if pace is not None:
            await pace(request.body_bytes)
