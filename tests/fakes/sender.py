# Writes one answer to a Wire as a Rule says: head, framing, pieces, timing, and every wrong way of
# each. Owned by the connection's serving task. All bytes pass through emit(), which counts them, so
# that cuts, stalls and splits at a byte offset need no knowledge of what the bytes are.
import asyncio
import zlib
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

from tests.fakes.gate import Gate
from tests.fakes.rules import Rule
from tests.fakes.wire import Wire

MIB = 1 << 20
PIECE = b"".join(b"%015x\n" % n for n in range(4096))  # 64 KiB that show a shifted byte


class Cut(Exception):
    """The rule ended the connection in the middle of the answer."""


@dataclass
class Answer:
    """What a dialect answers, before framing. `end` says how many of the last pieces are the end
    marker."""

    status: int = 200
    headers: list = field(default_factory=list)
    pieces: list = field(default_factory=list)
    stream: bool = False
    end: int = 0


class Sender:
    def __init__(self, wire: Wire, rule: Rule, gate: Gate, record):
        self._wire, self._rule, self._gate, self._record = wire, rule, gate, record
        self._splits = sorted([rule.split] if isinstance(rule.split, int) else
                              rule.split if isinstance(rule.split, list) else [])
        self.keep_alive = True

    # -- bytes

    async def emit(self, data: bytes, body: bool = False) -> None:
        rule, start = self._rule, self._record.sent
        marks = set()
        if rule.cut and "at" in rule.cut:
            marks.add(rule.cut["at"] - start)
        if rule.cut and "body_at" in rule.cut and body:
            marks.add(rule.cut["body_at"] - self._record.body_sent)
        cut = min((m for m in marks if 0 <= m < len(data)), default=None)
        stop = rule.stall.get("byte") - start if isinstance(rule.stall, dict) and (
            "byte" in rule.stall) else -1
        data = data if cut is None else data[:cut]
        if 0 <= stop < len(data):
            await self._write(data[:stop], body)
            await self.stand()
            data = data[stop:]
        await self._write(data, body)
        if cut is not None:
            raise Cut

    async def _write(self, data: bytes, body: bool) -> None:
        at = 0
        while at < len(data):
            end = len(data)
            if self._rule.split == "bytes":
                end = at + 1
            elif later := [s for s in self._splits if s > self._record.sent]:
                end = min(end, at + later[0] - self._record.sent)
            await self._wire.send(data[at:end])
            self._record.note_sent(end - at, body)
            if self._rule.split is not None:
                await asyncio.sleep(0)  # lets the loop turn, so that the writes stay apart
            at = end

    async def stand(self) -> None:
        """Stands still until the test opens the gate."""
        self._record.set_state("stalled")
        await self._wire.until(self._gate)
        self._record.set_state("open")

    # -- the answer

    async def send(self, answer: Answer, method: str) -> None:
        rule = self._rule
        if rule.raw is not None:
            self.keep_alive = False
            return await self.emit(rule.raw.encode("latin-1"))
        for entry in rule.interim * rule.interim_repeat:
            code, fields = entry if isinstance(entry, list) else (entry, [])
            await self.emit(head_text("HTTP/1.1", code, None, fields, rule))
        if rule.switch:
            await self.emit(head_text("HTTP/1.1", 101, None, [("Upgrade", "fake"),
                                                              ("Connection", "Upgrade")], rule))
        pieces, size = self._body(answer)
        framing = self._framing(answer, method)
        await self.emit(self._head(answer, framing, size))
        if rule.delay_body_ms:
            await self._wire.pause(rule.delay_body_ms / 1000)
        if rule.stalls_at("body"):
            await self.stand()
        if method != "HEAD" and answer.status not in (204, 304):
            await self._send_pieces(pieces, framing)
        if rule.garbage:
            await self.emit(rule.garbage.encode("latin-1"))
        if (framing == "close" or rule.connection_close or rule.version == "HTTP/1.0"
                or rule.length_delta > 0 or rule.chunk_fault not in (None, "extension")):
            self.keep_alive = False  # else the other side would wait for ever for what never comes

    def _body(self, answer: Answer):
        """The pieces after all that changes content, and their size (None: unknown before the
        end)."""
        rule, pieces = self._rule, answer.pieces
        if rule.body_mib is not None:
            count = int(rule.body_mib * MIB)
            return generated(count), count
        if rule.no_end and answer.end:
            pieces = pieces[:-answer.end]
        if rule.gzip:
            pieces = gzipped(pieces)
        return pieces, sum(len(p) for p in pieces)

    def _framing(self, answer: Answer, method: str) -> str:
        if self._rule.framing:
            return self._rule.framing
        if answer.status in (204, 304):
            return "none"
        if self._rule.version == "HTTP/1.0" and answer.stream:
            return "close"
        chunked = answer.stream or self._rule.trailers or self._rule.chunk_fault
        return "chunked" if chunked else "length"

    def _head(self, answer: Answer, framing: str, size: int) -> bytes:
        rule = self._rule
        fields = [("Date", formatdate(usegmt=True)), *answer.headers]
        dropped = {name.lower() for name in rule.drop_headers}
        fields = [(n, v) for n, v in fields if n.lower() not in dropped]
        if rule.gzip:
            fields.append(("Content-Encoding", "gzip"))
        if framing == "length" or rule.length_and_chunked:
            fields.append(("Content-Length", str(size + rule.length_delta)))
        if rule.second_length is not None:
            fields.append(("Content-Length", str(rule.second_length)))
        if framing == "chunked" or rule.length_and_chunked:
            fields.append(("Transfer-Encoding", "chunked"))
        if rule.trailers:
            fields.append(("Trailer", ", ".join(n for n, _ in rule.trailers)))
        if rule.connection_close:
            fields.append(("Connection", "close"))
        fields += [(f"X-Fake-{n}", "v") for n in range(rule.many_headers)]
        if rule.huge_header:
            fields.append(("X-Fake-Huge", "h" * rule.huge_header))
        fields += [tuple(f) for f in rule.headers]
        return head_text(rule.version or "HTTP/1.1", answer.status, rule.reason, fields, rule)

    async def _send_pieces(self, pieces, framing: str) -> None:
        rule, number = self._rule, 0
        fault = rule.chunk_fault if framing == "chunked" else None
        for number, piece in enumerate(pieces):
            if rule.delay_event_ms and number:
                await self._wire.pause(rule.delay_event_ms / 1000)
            await self._before_piece(number)
            if framing != "chunked":
                await self.emit(piece, True)
                continue
            size = f"{len(piece):x}"
            if number == 1 or fault == "extension":
                size = {"bad_size": "xyz", "overflow": "f" * 17 + size, "negative": "-" + size,
                        "extension": size + ";name=value"}.get(fault, size)
            tail = b"" if fault == "no_crlf" and number == 1 else b"\r\n"
            await self.emit(size.encode() + b"\r\n")
            await self.emit(piece, True)
            await self.emit(tail)
        await self._before_piece(number + 1)
        if framing == "chunked" and fault != "no_last":
            lines = "".join(f"{n}: {v}\r\n" for n, v in rule.trailers)
            await self.emit(f"0\r\n{lines}\r\n".encode("latin-1"))
        if fault == "no_last":
            raise Cut

    async def _before_piece(self, number: int) -> None:
        rule = self._rule
        if rule.stalls_at("event", number):
            await self.stand()
        if rule.cut and rule.cut.get("event") == number:
            raise Cut


def head_text(version: str, status: int, reason: str | None, fields, rule: Rule) -> bytes:
    if reason is None:
        try:
            reason = HTTPStatus(status).phrase
        except ValueError:
            reason = "Unknown"
    lines = [f"{version} {status}" if rule.no_reason else f"{version} {status} {reason}"]
    lines += [f"{spelled(name, rule.header_case)}: {value}" for name, value in fields]
    return (rule.line_end.join(lines) + rule.line_end * 2).encode("utf-8", "surrogateescape")


def spelled(name: str, case: str | None) -> str:
    if case == "odd":
        return "".join(c.upper() if n % 2 else c.lower() for n, c in enumerate(name))
    return name.lower() if case == "lower" else name.upper() if case == "upper" else name


def generated(count: int):
    """`count` bytes in pieces, never all in memory: 16-byte lines, each with its number (mod
    4096)."""
    while count > 0:
        yield PIECE if count >= len(PIECE) else PIECE[:count]
        count -= len(PIECE)


def gzipped(pieces) -> list:
    """Each piece flushed, as a server does that streams events compressed."""
    packer = zlib.compressobj(wbits=31)
    packed = [packer.compress(p) + packer.flush(zlib.Z_SYNC_FLUSH) for p in pieces]
    return [*packed, packer.flush()]
