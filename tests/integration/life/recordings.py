# One recorded stream of each dialect, as the model server itself sent it, and what of its body
# has arrived after each byte on the wire. Made once per process; pure afterwards. The answers are
# short, because every byte of them is a test of its own.
import functools
import json
from dataclasses import dataclass

from tests.fakes.models import Models
from tests.fakes.raw_client import RawClient
from tests.integration.life import asking

REQUESTS = {
    "chat": (asking.CHAT, asking.chat("hi", stream_options={"include_usage": True}), b"[DONE]"),
    "responses": (asking.RESPONSES, {"model": "gpt-6-sol", "stream": True, "input": "hi"},
                  b"event: response.completed"),
    "messages": (asking.MESSAGES, asking.chat("hi"), b"event: message_stop"),
    "gemini": (asking.GEMINI, asking.gemini("hi"), b"finishReason"),
}


@dataclass(frozen=True)
class Recording:
    name: str
    path: str        # at the relay
    request: dict
    wire: bytes      # the whole answer: head, chunks, last chunk
    head: bytes      # with its empty line
    body: bytes      # without framing
    arrived: tuple   # after n bytes of the wire: so many bytes of the body
    marker_end: int  # where in the body the event with the end marker is over

    @property
    def dialect(self) -> str:
        return self.path.split("/")[1]

    @property
    def kept_head(self) -> str:
        """The head's lines that say nothing of framing, each with its CRLF."""
        lines = self.head.decode("latin-1").split("\r\n")[:-2]
        return "".join(f"{line}\r\n" for line in lines
                       if not line.lower().startswith(("transfer-encoding", "content-length")))

    def event_ends(self) -> list[int]:
        """The offsets in the body at which an event is over, the body's start included."""
        end = b"\r\n\r\n" if b"\r\n\r\n" in self.body else b"\n\n"
        ends, at = [0], self.body.find(end)
        while at >= 0:
            ends.append(at + len(end))
            at = self.body.find(end, at + len(end))
        return ends

    def between_events(self, offset: int) -> bool:
        return offset in self.event_ends()


def arrived_of(wire: bytes, head_bytes: int) -> tuple:
    """Walks the chunks: for every length of the wire's beginning, the body bytes in it."""
    counts, at, body = [0] * (head_bytes + 1), head_bytes, 0
    while at < len(wire):
        line_end = wire.index(b"\r\n", at) + 2
        size = int(wire[at:line_end], 16)
        counts += [body] * (line_end - at)
        counts += range(body + 1, body + size + 1)
        body += size
        counts += [body] * 2
        at = line_end + size + 2
    return tuple(counts)


def record(models: Models, name: str) -> Recording:
    path, request, marker = REQUESTS[name]
    upstream_path = path[path.index("/", 1):]
    with RawClient(models.address) as client:
        client.send(asking.post(path, request).replace(path.encode(), upstream_path.encode(), 1))
        answer = client.read_response("POST")
        wire = client.received
    assert answer.status == 200 and answer.complete and answer.framing == "chunked", answer
    marked = answer.body.rindex(marker)
    end = min(e for e in (answer.body.find(b"\n\n", marked) + 2,
                          answer.body.find(b"\r\n\r\n", marked) + 4) if e > marked)
    arrived = arrived_of(wire, len(answer.head))
    assert len(arrived) == len(wire) + 1 and arrived[-1] == len(answer.body)
    return Recording(name, path, request, wire, answer.head, answer.body, arrived, end)


@functools.cache
def recordings() -> dict[str, Recording]:
    with Models() as models:
        models.behave(text="Hé 流!", deltas=2)
        return {name: record(models, name) for name in REQUESTS}


def error_event(rest: bytes) -> dict | None:
    """What an event of an error says, in the form of its dialect; None where it is none."""
    lines = rest.decode().split("\n")
    if lines[0] == "event: error":
        lines = lines[1:]
    if len(lines) != 3 or lines[1:] != ["", ""] or not lines[0].startswith("data: "):
        return None
    value = json.loads(lines[0][6:])
    return value if isinstance(value.get("error"), dict) else None
