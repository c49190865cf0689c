# Clients that wait for an event stream and get comments meanwhile: before the upstream's answer,
# between events, while a stream is taken up again; and what such a client reads when the answer
# that comes then is none. Time is never asked for: what is waited for is the next comment.
import json
import threading
import unittest

from tests.fakes.raw_client import RawClient, Response
from tests.fakes.raw_upstream import RawUpstream, UpstreamConnection
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings

BEAT = b": heartbeat\n\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
OFTEN = {"heartbeat": "20ms"}
EVENTS = {
    "openai": [b'data: {"choices":[{"index":0,"delta":{"content":"He"}}]}\n\n',
               b'data: {"choices":[{"index":0,"delta":{"content":"llo"},"finish_reason":"stop"}]}'
               b'\n\n', b"data: [DONE]\n\n"],
    "anthropic": [b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
                  b'"delta":{"type":"text_delta","text":"Hello"}}\n\n',
                  b'event: message_delta\ndata: {"type":"message_delta","delta":'
                  b'{"stop_reason":"end_turn"}}\n\n',
                  b'event: message_stop\ndata: {"type":"message_stop"}\n\n'],
    "gemini": [b'data: {"candidates":[{"content":{"parts":[{"text":"He"}]}}]}\r\n\r\n',
               b'data: {"candidates":[{"content":{"parts":[{"text":"llo"}]},'
               b'"finishReason":"STOP"}]}\r\n\r\n'],
}
PATHS = {"openai": asking.CHAT, "anthropic": asking.MESSAGES, "gemini": asking.GEMINI}
REFUSALS = {
    "openai": {"error": {"message": "no such model", "type": "invalid_request_error"}},
    "anthropic": {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}},
    "gemini": {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}},
}


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Script:
    """Answers a request by one step after another, each when the test says so."""

    def __init__(self, *steps):
        self._steps = steps
        self._go = threading.Semaphore(0)
        self.asked = threading.Semaphore(0)

    def go(self) -> None:
        self._go.release()

    def __call__(self, link: UpstreamConnection) -> None:
        link.recv_request()
        self.asked.release()
        for step in self._steps:
            self._go.acquire()
            step(link) if callable(step) else link.send(step)
        link.recv_end()


class Heartbeats(unittest.TestCase):
    def start(self, dialect: str, *scripts, timeouts=OFTEN, more=(), **upstream) -> Relay:
        model = self.enterContext(RawUpstream(list(scripts)))
        if upstream.pop("twice", False):
            upstream["retry"] = {"attempts": 2, "backoff": "1ms", "backoff_most": "1ms"}
        own = settings.upstream(dialect, model.url, dialect=dialect, timeouts=timeouts, **upstream)
        return Relay.for_test(self, config=settings.resources(settings.relay(), own, *more))

    def ask(self, relay: Relay, dialect: str, body=None, version: str = "1.1") -> RawClient:
        client = self.enterContext(RawClient(relay.http))
        client.send(asking.post(PATHS[dialect], body, version=version))
        return client

    def rest(self, client: RawClient, answer: Response) -> bytes:
        """What is left of a stream whose head was read, without the comments."""
        client._read_body(answer, "POST")
        return answer.body.replace(BEAT, b"")

    def test_before_the_first_byte_and_between_events(self):
        for dialect, events in EVENTS.items():
            with self.subTest(dialect=dialect):
                script = Script(HEAD + chunk(events[0]), chunk(b"".join(events[1:])) +
                                b"0\r\n\r\n")
                relay = self.start(dialect, script)
                client = self.ask(relay, dialect)
                head = client.read_head()
                self.assertEqual((head.status, head.get("content-type")),
                                 (200, "text/event-stream; charset=utf-8"))
                for _ in range(3):
                    self.assertEqual(client.read_chunk(), BEAT)
                script.go()
                while (data := client.read_chunk()) == BEAT:
                    pass
                self.assertEqual(data, events[0])
                self.assertEqual(client.read_chunk(), BEAT)
                script.go()
                self.assertEqual(self.rest(client, head), b"".join(events[1:]))
                self.assertTrue(head.complete)
                line = relay.wait_for_log(count=1)[0]
                self.assertGreaterEqual(line["heartbeats"], 4)
                self.assertEqual((line["outcome"], line["attempts"]), ("ok", 1))

    def test_never_within_an_event(self):
        first, *others = EVENTS["openai"]
        held = Script(HEAD + chunk(first + others[0][:20]), chunk(others[0][20:] + others[1]) +
                      b"0\r\n\r\n")
        beaten = Script(HEAD + chunk(first))
        relay = self.start("openai", held, beaten)
        client = self.ask(relay, "openai")
        held.asked.acquire()
        other = self.ask(relay, "openai")
        beaten.asked.acquire()
        held.go()
        head = client.read_head()
        while (data := client.read_chunk()) == BEAT:
            pass
        self.assertEqual(data, first + others[0][:20])
        beaten.go()
        other.read_head()
        for _ in range(5):  # meanwhile another one is told that often
            while other.read_chunk() != BEAT:
                pass
        held.go()
        client._read_body(head, "POST")
        self.assertTrue(head.body.startswith(others[0][20:]), head.body)

    def test_an_error_that_comes_late_comes_in_the_stream(self):
        for dialect, refusal in REFUSALS.items():
            with self.subTest(dialect=dialect):
                said = json.dumps(refusal)
                script = Script(lambda link, said=said: link.answer(
                    said, "400 Bad Request", "Content-Type: application/json\r\n"))
                relay = self.start(dialect, script)
                client = self.ask(relay, dialect)
                head = client.read_head()
                self.assertEqual((head.status, client.read_chunk()), (200, BEAT))
                script.go()
                event = self.rest(client, head)
                self.assertFalse(head.complete)
                self.assertEqual(json.loads(asking.data_lines(event)[0]), refusal)
                self.assertEqual(event.startswith(b"event: error"), dialect == "anthropic")
                line = relay.wait_for_log(count=1)[0]
                self.assertEqual((line["outcome"], line["stage"]), ("truncated", "first_byte"))
                self.assertIn("answered with status 400", line["error"])

    def test_a_failure_that_comes_late_comes_in_the_stream(self):
        for dialect in EVENTS:
            with self.subTest(dialect=dialect):
                script = Script(lambda link: link.rst())
                relay = self.start(dialect, script, resume={"on": False})
                client = self.ask(relay, dialect)
                head = client.read_head()
                self.assertEqual(client.read_chunk(), BEAT)
                script.go()
                error = json.loads(asking.data_lines(self.rest(client, head))[0])["error"]
                self.assertFalse(head.complete)
                self.assertIn("reset by peer", error["message"])

    def test_what_fails_before_it_is_answered_is_tried_again_behind_heartbeats(self):
        events = b"".join(EVENTS["openai"])
        busy = Script(lambda link: link.answer(b"{}", "503 Busy"))
        well = Script(HEAD + chunk(events) + b"0\r\n\r\n")
        relay = self.start("openai", busy, well, twice=True)
        client = self.ask(relay, "openai")
        head = client.read_head()
        self.assertEqual(client.read_chunk(), BEAT)
        busy.go()
        well.go()
        self.assertEqual(self.rest(client, head), events)
        self.assertTrue(head.complete)
        self.assertEqual(relay.wait_for_log(count=1)[0]["attempts"], 2)

    def test_while_a_stream_is_taken_up_again(self):
        events = EVENTS["gemini"]
        cut = Script(HEAD + chunk(events[0]), lambda link: link.fin())
        more = Script(HEAD + chunk(events[1]) + b"0\r\n\r\n")
        relay = self.start("gemini", cut, more, resume={"backoff": "1ms", "seam_wait": "0s"})
        client = self.ask(relay, "gemini")
        head = client.read_head()
        cut.go()
        while client.read_chunk() != events[0]:
            pass
        cut.go()
        more.asked.acquire()
        for _ in range(3):
            self.assertEqual(client.read_chunk(), BEAT)
        more.go()
        self.assertEqual(self.rest(client, head), events[1])
        self.assertEqual((head.complete, head.trailers), (True, [("X-Culvert-Resumed", "1")]))

    def test_only_who_waits_for_a_stream_is_told(self):
        quiet = Script(lambda link: link.answer(b'{"a": 1}', headers="Content-Type: "
                                                "application/json\r\n"))
        beaten = Script()
        relay = self.start("openai", quiet, beaten)
        client = self.ask(relay, "openai", asking.chat(stream=False))
        quiet.asked.acquire()
        other = self.ask(relay, "openai")
        other.read_head()
        for _ in range(5):
            self.assertEqual(other.read_chunk(), BEAT)
        quiet.go()
        answer = client.read_response("POST")
        self.assertEqual((answer.status, answer.body), (200, b'{"a": 1}'))
        self.assertNotIn("heartbeats", relay.wait_for_log(count=1)[0])

    def test_off_by_default_and_by_the_route(self):
        silent = Script(lambda link: link.answer(b"{}", "400 No"))
        beaten = Script()
        route = settings.route("quiet", "openai", match={"headers": {"x-quiet": "1"}},
                               timeouts={"heartbeat": "0s"})
        relay = self.start("openai", silent, beaten, more=(route,))
        client = self.enterContext(RawClient(relay.http))
        client.send(asking.post(asking.CHAT, fields="X-Quiet: 1\r\n"))
        silent.asked.acquire()
        other = self.ask(relay, "openai")
        other.read_head()
        for _ in range(5):
            self.assertEqual(other.read_chunk(), BEAT)
        silent.go()
        self.assertEqual(client.read_response("POST").status, 400)

    def test_http_1_0(self):
        events = b"".join(EVENTS["openai"])
        script = Script(HEAD + chunk(events) + b"0\r\n\r\n")
        relay = self.start("openai", script)
        client = self.ask(relay, "openai", version="1.0")
        head = client.read_head()
        self.assertEqual(client.read_exactly(2 * len(BEAT)), 2 * BEAT)
        script.go()
        self.assertEqual(self.rest(client, head), events)

    def test_a_byte_order_mark_does_not_stand_behind_them(self):
        events = b"".join(EVENTS["openai"])
        script = Script(HEAD + chunk(b"\xef\xbb"), chunk(b"\xbf" + events) + b"0\r\n\r\n")
        relay = self.start("openai", script)
        client = self.ask(relay, "openai")
        head = client.read_head()
        self.assertEqual(client.read_chunk(), BEAT)
        script.go()
        script.go()
        self.assertEqual(self.rest(client, head), events)


if __name__ == "__main__":
    unittest.main()
