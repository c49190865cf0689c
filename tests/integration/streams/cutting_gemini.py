# A model of Google's that answers in one text, whose streams break off where and how a request's
# own body asks ({"plan": {...}}), and that goes on in the manner that the plan names. Owned by one
# test; remembers every call of every plan, so that a test sees what was asked and with which key.
import json
import threading

from tests.fakes.model_text import goes_on
from tests.fakes.raw_upstream import RawUpstream, UpstreamConnection

TEXT = ("The quick fox 🦊 naps. Later, a café visit; naïve? No: Zoë's \"idea\" works. "
        "狐狸跳过了懒狗。它睡着了，第二天才醒来！ 日本語もあります。 The end of all of it.")
PIECE = 9  # characters of an event
PROMPT_TOKENS, PIECE_TOKENS = 7, 3
HEAD = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n")
ERROR = (b'\r\n\r\ndata: {"error":{"code":503,"message":"The model is overloaded.",'
         b'"status":"UNAVAILABLE"}}\r\n\r\n')


def event(text: str, said: int, finish: str | None = None) -> bytes:
    candidate = {"content": {"parts": [{"text": text}] if text else [], "role": "model"},
                 "index": 0}
    if finish:
        candidate["finishReason"] = finish
    data = {"candidates": [candidate], "modelVersion": "gemini-3.8-flash",
            "usageMetadata": {"promptTokenCount": PROMPT_TOKENS, "candidatesTokenCount": said,
                              "totalTokenCount": PROMPT_TOKENS + said}}
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\r\n\r\n"


def stream(text: str) -> bytes:
    pieces = [text[at:at + PIECE] for at in range(0, len(text), PIECE)] or [""]
    last = len(pieces)
    return b"".join(event(piece, n * PIECE_TOKENS, "STOP" if n == last and text else None)
                    for n, piece in enumerate(pieces, 1)) + (b"" if text else event("", 0, "STOP"))


STREAM = stream(TEXT)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


class Call:
    """One request as it came up; `raw` is its body."""

    def __init__(self, head: bytes, raw: bytes):
        self.fields = {n.strip().lower().decode(): v.strip().decode() for n, _, v in
                       (line.partition(b":") for line in head.split(b"\r\n")[1:])}
        self.path = head.split(b" ")[1].decode()
        self.key = self.fields.get("x-goog-api-key")
        self.raw, self.body = raw, json.loads(raw)
        self.turns = self.body["contents"]

    @property
    def said(self) -> str | None:
        """What the model is shown of its own turn; None of a request for the whole."""
        if len(self.turns) < 2:
            return None
        return "".join(part["text"] for part in self.turns[1]["parts"])


class CuttingGemini:
    """A plan: {"id", "at": bytes of the stream, "end": "fin" | "rst" | "stall" | "bad_chunk" |
    "error", "manner", "times": how many calls are cut (1), "statuses": answers to the calls behind
    the cut, before one is served, "hold": the second call's answer does not begin}."""

    def __init__(self):
        self._upstream = RawUpstream(self._serve)
        self._lock = threading.Lock()
        self.calls: dict[str, list[Call]] = {}

    url = property(lambda self: self._upstream.url)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._upstream.close(check=kind is None)

    def of(self, plan: str) -> list[Call]:
        with self._lock:
            return list(self.calls.get(plan, []))

    def _serve(self, link: UpstreamConnection) -> None:
        while True:
            head, body = link.recv_request()
            call = Call(head, body)
            plan = call.body["plan"]
            with self._lock:
                calls = self.calls.setdefault(plan["id"], [])
                calls.append(call)
                number = len(calls)
            self._answer(link, call, plan, number)

    def _answer(self, link: UpstreamConnection, call: Call, plan: dict, number: int) -> None:
        manner, cuts = plan.get("manner", "exact"), plan.get("times", 1)
        text = TEXT if call.said is None else goes_on(manner, call.said, TEXT)
        statuses = plan.get("statuses", [])
        if cuts < number <= cuts + len(statuses):
            status = statuses[number - cuts - 1]
            error = {"error": {"code": status, "message": "not now", "status": "RESOURCE_EXHAUSTED"
                               if status == 429 else "UNAVAILABLE"}}
            return link.answer(json.dumps(error), f"{status} No",
                               "Content-Type: application/json\r\n")
        if manner == "whole":
            return link.answer(json.dumps(plan["answers"][number - 1]), "200 OK",
                               "Content-Type: application/json\r\n")
        if number > cuts:
            if plan.get("hold"):
                link.recv_end()
            return link.send(HEAD + chunk(stream(text)) + b"0\r\n\r\n")
        self._cut(link, stream(text)[:plan["at"]], plan["end"])

    def _cut(self, link: UpstreamConnection, part: bytes, end: str) -> None:
        if end == "error":
            return link.send(HEAD + chunk(part + ERROR) + b"0\r\n\r\n")
        link.send(HEAD + chunk(part) + (b"xyz\r\n" if end == "bad_chunk" else b""))
        if end == "rst":
            link.rst()
        if end == "fin":
            link.fin()
        link.recv_end()
