# A model whose stream says forty words, an event each, and stops where and until a test says. The
# request's own body asks: {"plan": {"id", "words", "hold": before which words it waits for
# release(), "late": it waits before its head, "cut": the word before which it closes, "end":
# "watch" (it does not end), "size": bytes added to each event}}. Owned by one test; remembers the
# calls and how the relay left.
import json
import threading

from tests.fakes.raw_client import HANG_GUARD_SECONDS
from tests.fakes.raw_upstream import RawUpstream, UpstreamConnection

WORDS = 40
HEAD = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n")
CHAT, MESSAGES, GEMINI = "chat", "messages", "gemini"


def word(n: int) -> str:
    return f"w{n} "


def text(words: int = WORDS) -> str:
    return "".join(word(n) for n in range(1, words + 1))


def dialect_of(path: str) -> str:
    return (CHAT if "chat" in path else MESSAGES if "messages" in path else GEMINI)


def data(value: dict) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def named(value: dict) -> bytes:
    return b"event: " + value["type"].encode() + b"\n" + data(value)


def word_event(dialect: str, n: int, last: bool, size: int) -> bytes:
    pad = {"pad": "x" * size} if size else {}
    if dialect == CHAT:
        return data({"choices": [{"index": 0, "delta": {"content": word(n)},
                                  "finish_reason": "stop" if last else None}], **pad})
    if dialect == MESSAGES:
        return named({"type": "content_block_delta", "index": 0,
                      "delta": {"type": "text_delta", "text": word(n)}, **pad})
    candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": word(n)}]}}
    if last:
        candidate["finishReason"] = "STOP"
    usage = {"promptTokenCount": 7, "candidatesTokenCount": n, "totalTokenCount": 7 + n}
    return data({"candidates": [candidate], "usageMetadata": usage, **pad})


def beginning(dialect: str) -> bytes:
    if dialect != MESSAGES:
        return b""
    return named({"type": "message_start", "message": {"usage": {"input_tokens": 7}}}) + named(
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})


def ending(dialect: str, words: int) -> bytes:
    if dialect == CHAT:
        return b"data: [DONE]\n\n"
    if dialect == MESSAGES:
        return (named({"type": "content_block_stop", "index": 0}) +
                named({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                       "usage": {"output_tokens": words}}) + named({"type": "message_stop"}))
    return b""


def text_of(datas: list[str]) -> str:
    """Of the data of events, whatever their dialect."""
    out = ""
    for line in datas:
        value = json.loads(line) if line.startswith("{") else {}
        for choice in value.get("choices", []):
            out += choice["delta"].get("content") or ""
        for candidate in value.get("candidates", []):
            out += "".join(part.get("text", "") for part in candidate["content"]["parts"])
        if isinstance(value.get("delta"), dict):
            out += value["delta"].get("text", "")
    return out


class HeldModel:
    def __init__(self):
        self._changed = threading.Condition()
        self._released: dict[str, int] = {}
        self.calls: dict[str, list[bytes]] = {}  # heads
        self.said: dict[str, int] = {}           # words that are sent
        self.ends: dict[str, str] = {}           # how the relay left a stream with "watch"
        self._upstream = RawUpstream(self._serve)

    url = property(lambda self: self._upstream.url)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._upstream.close(check=kind is None)

    def release(self, plan: str, holds: int = 1) -> None:
        with self._changed:
            self._released[plan] = self._released.get(plan, 0) + holds
            self._changed.notify_all()

    def calls_of(self, plan: str) -> int:
        with self._changed:
            return len(self.calls.get(plan, []))

    def wait_said(self, plan: str, words: int) -> None:
        self._wait(lambda: self.said.get(plan, 0) >= words)

    def wait_end(self, plan: str) -> str:
        self._wait(lambda: plan in self.ends)
        return self.ends[plan]

    def _wait(self, happened) -> None:
        with self._changed:
            if not self._changed.wait_for(happened, HANG_GUARD_SECONDS):
                raise AssertionError("hang guard: never seen at the held model")

    def _serve(self, link: UpstreamConnection) -> None:
        while True:
            head, body = link.recv_request()
            plan = json.loads(body)["plan"]
            with self._changed:
                calls = self.calls.setdefault(plan["id"], [])
                calls.append(head)
                number = len(calls)
            self._answer(link, dialect_of(head.split(b" ")[1].decode()), plan, number)

    def _answer(self, link: UpstreamConnection, dialect: str, plan: dict, number: int) -> None:
        def chunk(part: bytes) -> None:
            if part:
                link.send(b"%x\r\n%s\r\n" % (len(part), part))

        if plan.get("late"):
            self._wait(lambda: self._released.get(plan["id"], 0) > 0)
        link.send(HEAD)
        chunk(beginning(dialect))
        words, holds, passed = plan.get("words", WORDS), plan.get("hold", []), 0
        first = plan["cut"] if number > 1 else 1  # it goes on where it was cut
        for n in range(first, words + 1):
            if number == 1 and n in holds:
                passed += 1
                self._wait(lambda: self._released.get(plan["id"], 0) >= passed)
            if number == 1 and n == plan.get("cut"):
                link.fin()
                link.recv_end()
                return
            chunk(word_event(dialect, n, n == words, plan.get("size", 0)))
            with self._changed:
                self.said[plan["id"]] = n
                self._changed.notify_all()
        if plan.get("end") == "watch":
            end = link.recv_end()
            with self._changed:
                self.ends[plan["id"]] = end
                self._changed.notify_all()
            return
        chunk(ending(dialect, words))
        link.send(b"0\r\n\r\n")
