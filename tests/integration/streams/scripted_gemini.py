# A model of Google's that answers each call of a plan with exactly the events that a test wrote for
# it, and the base of the tests that do so. Its end is told as cutting_gemini's. A call for which
# nothing was written fails the test: every call costs somebody money.
import json
import unittest
from dataclasses import dataclass, field

from tests.fakes.raw_client import Response, exchange
from tests.fakes.raw_upstream import UpstreamConnection
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.streams.cutting_gemini import HEAD, Call, CuttingGemini, chunk

QUICK = {"backoff": "1ms", "backoff_most": "2ms", "idle": "20s", "seam_wait": "20s"}
STOP = "STOP"


def event(*parts, finish: str | None = None, usage: dict | None = None, **more) -> bytes:
    """parts: texts, or parts as objects."""
    written = [{"text": part} if isinstance(part, str) else part for part in parts]
    candidate = {"content": {"parts": written, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return data({"candidates": [candidate]} | ({"usageMetadata": usage} if usage else {}) | more)


def data(value: dict) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\r\n\r\n"


def thought(text: str) -> dict:
    return {"text": text, "thought": True}


def call(name: str = "look_up") -> dict:
    return {"functionCall": {"name": name, "args": {"q": "x"}}, "thoughtSignature": "c2ln"}


def error(code: int, status: str) -> bytes:
    return data({"error": {"code": code, "message": "words of the vendor's own", "status": status}})


@dataclass
class Said:
    """What one call is answered with. end: "whole", "silent" (RST before a head), or one of
    cutting_gemini's."""

    events: bytes
    end: str = "whole"


@dataclass
class Refused:
    status: int
    headers: str = ""
    body: dict = field(default_factory=lambda: {"error": {"code": 0, "message": "not now"}})


class ScriptedGemini(CuttingGemini):
    def __init__(self):
        self._scripts: dict[str, tuple] = {}
        super().__init__()

    def tell(self, plan: str, *answers) -> None:
        self._scripts[plan] = answers

    @property
    def connections(self) -> list[UpstreamConnection]:
        return self._upstream.connections

    def _answer(self, link: UpstreamConnection, asked: Call, plan: dict, number: int) -> None:
        script = self._scripts[plan["id"]]
        assert number <= len(script), f"call {number} of {plan['id']}: {asked.body}"
        answer = script[number - 1]
        if isinstance(answer, Refused):
            return link.answer(json.dumps(answer.body), f"{answer.status} No",
                               "Content-Type: application/json\r\n" + answer.headers)
        if answer.end == "whole":
            return link.send(HEAD + chunk(answer.events) + b"0\r\n\r\n")
        if answer.end == "silent":
            link.rst()
            link.recv_end()
        self._cut(link, answer.events, answer.end)


@dataclass
class Seen:
    """What a client has read of a stream, whole events only."""

    text: str = ""
    thoughts: str = ""
    calls: int = 0
    ends: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    usage: dict | None = None

    @classmethod
    def of(cls, body: bytes) -> "Seen":
        seen = cls()
        for line in asking.data_lines(body[:body.rfind(b"\n") + 1]):
            value = json.loads(line)
            seen.usage = value.get("usageMetadata", seen.usage)
            if "error" in value:
                seen.errors.append(value["error"])
            for candidate in value.get("candidates", []):
                assert not seen.ends, f"behind the end: {value}"
                seen._read(candidate)
        return seen

    def _read(self, candidate: dict) -> None:
        for part in candidate.get("content", {}).get("parts", []):
            self.calls += "functionCall" in part
            if part.get("thought"):
                self.thoughts += part["text"]
            else:
                self.text += part.get("text", "")
        self.ends += [candidate["finishReason"]] if "finishReason" in candidate else []


class Scripted(unittest.TestCase):
    """One relay per test, with a client that asks for one stream after another."""

    def setUp(self):
        self.model = self.enterContext(ScriptedGemini())

    def relay(self, *documents: str, env: dict | None = None, **spec) -> Relay:
        config = settings.resources(settings.relay(**({"gemini_resume": QUICK} | spec)), *documents)
        return Relay.for_test(self, {"PROXY_GEMINI_TARGET": self.model.url} | (env or {}),
                              config=config)

    def ask(self, relay: Relay, name: str, *answers, path: str = asking.GEMINI, body=None,
            key: str | None = asking.KEY, fields: str = "") -> Response:
        """`body`: the client's own, with the plan's name in it already, or an object to be
        completed."""
        self.model.tell(name, *answers)
        if not isinstance(body, bytes):
            body = asking.gemini() | (body or {}) | {"plan": {"id": name}}
        return exchange(relay.http, asking.post(path, body, key=key, fields=fields))

    def calls(self, name: str) -> list[Call]:
        return self.model.of(name)

    def assert_passed(self, answer: Response, events: bytes, name: str) -> None:
        """Byte for byte, by one call."""
        self.assertEqual((answer.status, answer.ended, answer.body), (200, "complete", events))
        self.assertEqual((len(self.calls(name)), answer.trailers), (1, []))

    def assert_short(self, answer: Response) -> Seen:
        """The client sees that the answer is not whole."""
        self.assertEqual(answer.status, 200)
        self.assertFalse(answer.complete, answer)
        seen = Seen.of(answer.body)
        self.assertEqual((seen.ends, len(seen.errors)), ([], 1), answer.body)
        return seen

    def assert_whole(self, answer: Response, text: str, finish: str = STOP) -> Seen:
        self.assertEqual((answer.status, answer.ended), (200, "complete"), answer)
        seen = Seen.of(answer.body)
        self.assertEqual((seen.text, seen.ends, seen.errors), (text, [finish], []), answer.body)
        return seen
