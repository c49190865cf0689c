# Streams that break off and are taken up again, through the real relay: cut at every byte in every
# way, with models that go on exactly, repeat themselves or restart the sentence. What counts is
# what the client has: the whole text and one end, or an error that it sees.
# CULVERT_CUT_STRIDE=n tries every nth byte only.
import json
import os
import unittest
from concurrent.futures import ThreadPoolExecutor

from tests.fakes.raw_client import RawClient, Response, exchange
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.streams import cutting_gemini as model
from tests.integration.streams.cutting_gemini import STREAM, TEXT, CuttingGemini

CLIENTS = 24
STRIDE = int(os.environ.get("CULVERT_CUT_STRIDE", "7"))
ENDS = ("fin", "rst", "bad_chunk", "error")
MANNERS = ("exact", "repeats", "restarts")
QUICK = {"backoff": "1ms", "backoff_most": "5ms", "idle": "250ms", "seam_wait": "20s"}
KEYS = ("gemini-pool-key-a-0123456789", "gemini-pool-key-b-0123456789")
BY_TOKEN = f"X-Culvert-Token: {settings.TOKEN}\r\n"


def texts(body: bytes) -> tuple[str, int, bool]:
    """The text that a client has read, how many ends it saw, and whether it saw an error."""
    text, ends, error = "", 0, False
    for line in asking.data_lines(body[:body.rfind(b"\n") + 1]):  # a line that is cut is none
        data = json.loads(line)
        error = error or "error" in data
        for candidate in data.get("candidates", []):
            assert not ends, "something stands behind the end"
            text += "".join(part.get("text", "") for part in candidate["content"]["parts"])
            ends += "finishReason" in candidate
    return text, ends, error


def request(path: str = asking.GEMINI, version: str = "1.1", more: dict | None = None,
            key: str | None = asking.KEY, fields: str = "", **plan) -> bytes:
    body = asking.gemini() | (more or {}) | {"plan": plan}
    return asking.post(path, body, key=key, fields=fields, version=version)


class Streams(unittest.TestCase):
    def setUp(self):
        self.model = self.enterContext(CuttingGemini())

    def relay(self, *documents: str, env: dict | None = None, **spec) -> Relay:
        config = settings.resources(
            settings.relay(**({"gemini_resume": QUICK} | spec)), *documents)
        return Relay.for_test(self, {"PROXY_GEMINI_TARGET": self.model.url} | (env or {}),
                              config=config)

    def assert_whole(self, answer: Response, about="") -> None:
        self.assertEqual((answer.status, answer.ended), (200, "complete"), about)
        self.assertEqual(texts(answer.body), (TEXT, 1, False), about)

    def assert_visibly_short(self, answer: Response, about="") -> None:
        self.assertEqual(answer.status, 200, about)
        self.assertFalse(answer.complete, about)
        text, ends, error = texts(answer.body)
        self.assertEqual((TEXT.startswith(text), ends, error), (True, 0, True), about)

    def all(self, relay: Relay, plans: list[dict]) -> list[Response]:
        with ThreadPoolExecutor(CLIENTS) as clients:
            return list(clients.map(
                lambda plan: exchange(relay.http, request(**plan), method="POST"), plans))


class Cuts(Streams):
    def cut(self, relay: Relay, ends, manners=MANNERS, stride: int = STRIDE) -> None:
        plans = [{"id": f"{end}-{manner}-{at}", "at": at, "end": end, "manner": manner}
                 for end in ends for manner in manners for at in range(0, len(STREAM), stride)]
        answers = self.all(relay, plans)
        for plan, answer in zip(plans, answers):
            self.assert_whole(answer, (plan, answer))
        print(f"\n  {len(plans)} cuts by {', '.join(ends)}: {len(plans)} whole, 0 visible errors, "
              "0 silently short, 0 duplicated", flush=True)
        lines = relay.wait_for_log(lambda line: line.get("mode") == "preset", len(plans))
        self.assertEqual({line["outcome"] for line in lines}, {"ok"})
        metrics = relay.metrics()
        self.assertEqual(metrics.sum("culvert_truncated_total"), 0)
        self.assertEqual(metrics.sum("culvert_stream_resume_attempts_total", upstream="gemini"),
                         sum(line["attempts"] - 1 for line in lines))

    def test_cut_at_every_byte_is_not_noticed(self):
        self.cut(self.relay(), ENDS)

    def test_a_stall_at_every_byte_is_not_noticed(self):
        self.cut(self.relay(), ("stall",), ("repeats",), 5 * STRIDE)

    def test_cut_again_and_again(self):
        relay = self.relay()
        plans = [{"id": f"{times}-{manner}", "at": 500, "end": "fin", "manner": manner,
                  "times": times} for times in (2, 3) for manner in MANNERS]
        for plan, answer in zip(plans, self.all(relay, plans)):
            self.assert_whole(answer, plan)
            resumed = int(dict(answer.trailers)["X-Culvert-Resumed"])
            self.assertIn(resumed, range(1, plan["times"] + 1))  # not all of them brought text
            self.assertEqual(len(self.model.of(plan["id"])), plan["times"] + 1)

    def test_what_is_not_cut_passes_byte_for_byte(self):
        relay = self.relay()
        answer = exchange(relay.http, request(id="a", times=0))
        self.assertEqual((answer.body, answer.ended, answer.trailers), (STREAM, "complete", []))
        line = relay.wait_for_log(count=1)[0]
        self.assertEqual((line["attempts"], line["outcome"]), (1, "ok"))
        for name in ("resumed", "gave_up", "last_cut", "seam_removed"):
            self.assertNotIn(name, line)
        # The connection is whole and is used again.
        exchange(relay.http, request(id="b", times=0))
        self.assertEqual(relay.metrics().sum("culvert_upstream_attempts_total"), 2)

    def test_what_goes_up(self):
        relay = self.relay()
        said = STREAM[:STREAM[:500].rfind(b"\r\n\r\n") + 4]
        self.assert_whole(exchange(relay.http, request(id="a", at=500, end="fin")))
        first, second = self.model.of("a")
        self.assertEqual((second.path, second.key), (first.path, asking.KEY))
        self.assertEqual(second.turns[0], first.turns[0])
        self.assertEqual([turn["role"] for turn in second.turns], ["user", "model", "user"])
        self.assertEqual(second.said, texts(said)[0])


class NotTakenUp(Streams):
    def test_off_by_environment_upstream_or_route(self):
        off = {"resume": {"on": False}}
        own = settings.upstream("own", self.model.url, dialect="gemini", **off)
        routed = settings.upstream("routed", self.model.url, dialect="gemini")
        route = settings.route("r", "routed", match={"path_prefix": "/r"}, **off)
        path = "/v1beta/models/m:streamGenerateContent?alt=sse"
        for relay, where in (
                (self.relay(env={"GEMINI_SPECIAL_HANDLING_ENABLED": "false"}), asking.GEMINI),
                (self.relay(own), "/own" + path), (self.relay(routed, route), "/r" + path)):
            with self.subTest(where=where):
                name = f"off-{where}"
                answer = exchange(relay.http, request(where, id=name, at=500, end="fin"))
                self.assertFalse(answer.complete)
                self.assertEqual(texts(answer.body)[1], 0)
                self.assertEqual((len(self.model.of(name)), answer.get("trailer")), (1, None))

    def test_what_may_not_be_continued_ends_with_a_visible_error(self):
        relay = self.relay()
        for number, more in enumerate((
                {"generationConfig": {"responseMimeType": "application/json"}},
                {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}})):
            answer = exchange(relay.http, request(more=more, id=f"{number}", at=500, end="fin"))
            self.assertEqual(len(self.model.of(f"{number}")), 1)
            self.assertFalse(answer.complete)
            self.assertEqual(texts(answer.body)[1], 0)
        line = relay.wait_for_log(count=2)[1]
        self.assertEqual((line["outcome"], line["gave_up"]), ("truncated", "not_continued"))
        self.assertEqual(relay.metrics().sum("culvert_stream_resume_gave_up_total",
                                             upstream="gemini", reason="not_continued"), 2)

    def test_attempts_are_bounded(self):
        relay = self.relay(gemini_resume=QUICK | {"attempts": 3})
        answer = exchange(relay.http, request(id="a", at=500, end="fin", times=9))
        self.assert_visibly_short(answer)
        self.assertIn(b"DEADLINE_EXCEEDED", answer.body)
        self.assertEqual(len(self.model.of("a")), 3)
        line = relay.wait_for_log(count=1)[0]
        self.assertEqual((line["gave_up"], line["resumed"], line["attempts"]), ("attempts", 2, 3))
        self.assertTrue(line["last_cut"])

    def test_no_progress_ends_it(self):
        relay = self.relay()
        self.assert_visibly_short(
            exchange(relay.http, request(id="a", at=500, end="fin", times=9)))
        self.assertEqual(len(self.model.of("a")), 4)
        self.assertEqual(relay.wait_for_log(count=1)[0]["gave_up"], "no_progress")

    def test_a_refusal_is_final(self):
        relay = self.relay()
        answer = exchange(relay.http, request(id="a", at=500, end="fin", statuses=[400]))
        self.assert_visibly_short(answer)
        self.assertEqual(len(self.model.of("a")), 2)
        self.assertEqual(relay.wait_for_log(count=1)[0]["gave_up"], "refused")

    def test_a_client_that_left_costs_no_further_call(self):
        relay = self.relay(gemini_resume=QUICK | {"backoff": "20s", "backoff_most": "20s"})
        with RawClient(relay.http) as client:
            client.send(request(id="a", at=500, end="fin"))
            client.read_head()
            relay.wait_for_metric(
                lambda m: m.sum("culvert_stream_resume_attempts_total") == 1)
        line = relay.wait_for_log(count=1)[0]
        self.assertEqual((line["outcome"], line["attempts"]), ("aborted", 1))
        self.assertEqual(len(self.model.of("a")), 1)

    def test_a_client_that_leaves_ends_the_attempt(self):
        relay = self.relay()
        with RawClient(relay.http) as client:
            client.send(request(id="a", at=500, end="fin", hold=True))
            client.read_head()
            relay.wait_for_metric(lambda m: m.sum("culvert_upstream_attempts_total") == 2)
        line = relay.wait_for_log(count=1)[0]
        self.assertEqual(line["outcome"], "aborted")
        self.assertLessEqual(len(self.model.of("a")), 2)

    def test_the_total_time_bounds_it(self):
        slow = QUICK | {"backoff": "20s", "backoff_most": "20s"}
        relay = self.relay(settings.upstream("own", self.model.url, dialect="gemini", resume=slow,
                                             timeouts={"total": "300ms"}))
        path = "/own/v1beta/models/m:streamGenerateContent?alt=sse"
        self.assert_visibly_short(exchange(relay.http, request(path, id="a", at=500, end="fin")))
        self.assertEqual(len(self.model.of("a")), 1)


class Everything(Streams):
    """Recovery uses all that there is."""

    def test_another_key_on_429(self):
        relay = self.relay(settings.pool("gemini", KEYS), auth_tokens=[settings.TOKEN])
        answer = exchange(relay.http, request(
            key=None, fields=BY_TOKEN, id="a", at=500, end="fin", statuses=[429]))
        self.assert_whole(answer)
        calls = self.model.of("a")
        self.assertEqual(len(calls), 3)
        self.assertNotEqual(calls[1].key, calls[2].key)
        self.assertLessEqual({call.key for call in calls}, set(KEYS))

    def test_later_statuses_are_waited_out(self):
        relay = self.relay()
        answer = exchange(relay.http, request(id="a", at=500, end="fin", statuses=[503, 500, 503]))
        self.assert_whole(answer)

    def test_another_target(self):
        other = self.enterContext(CuttingGemini())
        up = settings.upstream("two", {"url": self.model.url, "weight": 1},
                               {"url": other.url, "weight": 1}, dialect="gemini", resume=QUICK)
        relay = self.relay(up)
        path = "/two/v1beta/models/m:streamGenerateContent?alt=sse"
        self.assert_whole(exchange(relay.http, request(path, id="a", at=500, end="fin", times=1)))
        # Each counts its own calls, so the other one cuts too, and the third is the first's again.
        self.assertIn((len(self.model.of("a")), len(other.of("a"))), ((2, 1), (1, 2)))

    def test_another_destination(self):
        other = self.enterContext(CuttingGemini())
        route = settings.route(
            "r", "first", match={"path_prefix": "/r"},
            fallback=[{"upstream": "second"}])
        relay = self.relay(
            settings.upstream("first", self.model.url, dialect="gemini", resume=QUICK),
            settings.upstream("second", other.url, dialect="gemini", resume=QUICK),
            settings.pool("first", KEYS[:1]), settings.pool("second", KEYS[1:]), route,
            auth_tokens=[settings.TOKEN])
        path = "/r/v1beta/models/m:streamGenerateContent?alt=sse"
        answer = exchange(relay.http, request(path, key=None, fields=BY_TOKEN, id="a", at=500,
                                              end="fin"))
        self.assert_whole(answer)
        # It counts its own calls, so it cuts too, and the stream goes on where it began.
        self.assertEqual([call.key for call in self.model.of("a")], [KEYS[0]] * 2)
        self.assertEqual([call.key for call in other.of("a")], list(KEYS[1:]))


class Told(Streams):
    """What the client, the operator and the ledger are told."""

    def test_usage_is_that_of_all_attempts(self):
        relay = self.relay(usage={"spool": True})
        answer = exchange(relay.http, request(id="a", at=500, end="fin"))
        self.assert_whole(answer)
        lost = STREAM[:500].count(b"\r\n\r\n") * model.PIECE_TOKENS
        rest = len(TEXT) - len(self.model.of("a")[1].said)
        said = lost + -(-rest // model.PIECE) * model.PIECE_TOKENS
        told = json.loads(asking.data_lines(answer.body)[-1])["usageMetadata"]
        self.assertEqual((told["promptTokenCount"], told["candidatesTokenCount"]),
                         (2 * model.PROMPT_TOKENS, said))
        line = relay.wait_for_log(count=1)[0]
        self.assertEqual((line["tokens_in"], line["tokens_out"]),
                         (2 * model.PROMPT_TOKENS, said))
        first, last = relay.usage_records()
        self.assertEqual(self.told(first), (model.PROMPT_TOKENS, lost, True, "TRUNCATED"))
        self.assertEqual(self.told(last),
                         (model.PROMPT_TOKENS, said - lost, False, "DELIVERED"))
        self.assertEqual((last["id"], last["attempts"], int(last["bytes_out"])),
                         (line["id"], 2, len(answer.body)))
        self.assertNotEqual(first["id"], last["id"])
        self.assertEqual((first["key"], first["bytes_out"]), (last["key"], "0"))

    def test_usage_of_lost_attempts_counts_where_it_was_given_up(self):
        relay = self.relay(gemini_resume=QUICK | {"attempts": 2}, usage={"spool": True})
        exchange(relay.http, request(id="a", at=500, end="fin", times=2))
        line = relay.wait_for_log(count=1)[0]
        one = STREAM[:500].count(b"\r\n\r\n") * model.PIECE_TOKENS
        rest = model.PIECE_TOKENS * model.stream(
            TEXT[len(self.model.of("a")[1].said):])[:500].count(b"\r\n\r\n")
        self.assertEqual((line["tokens_in"], line["tokens_out"]),
                         (2 * model.PROMPT_TOKENS, one + rest))
        first, last = relay.usage_records()
        self.assertEqual(self.told(first), (model.PROMPT_TOKENS, one, True, "TRUNCATED"))
        self.assertEqual(self.told(last), (model.PROMPT_TOKENS, rest, False, "TRUNCATED"))

    def test_each_key_and_upstream_has_what_its_own_attempts_used(self):
        other = self.enterContext(CuttingGemini())
        route = settings.route("r", "first", match={"path_prefix": "/r"},
                               fallback=[{"upstream": "second"}])
        retry = {"attempts": 1}
        relay = self.relay(
            settings.upstream("first", self.model.url, dialect="gemini", resume=QUICK, retry=retry),
            settings.upstream("second", other.url, dialect="gemini", resume=QUICK),
            settings.pool("first", KEYS[:1]), settings.pool("second", KEYS[1:]), route,
            auth_tokens=[settings.TOKEN], usage={"spool": True})
        path = "/r/v1beta/models/m:streamGenerateContent?alt=sse"
        self.assert_whole(exchange(relay.http, request(path, key=None, fields=BY_TOKEN, id="a",
                                                       at=500, end="fin")))
        relay.wait_for_log(count=1)
        records = relay.usage_records()
        self.assertEqual([record["lost"] for record in records], [True] * 2 + [False])
        asked = [("first", call) for call in self.model.of("a")] + [
            ("second", call) for call in other.of("a")]
        self.assertEqual(sorted(record["upstream"] for record in records),
                         sorted(name for name, _ in asked))
        metrics = relay.metrics()
        for name in ("first", "second"):
            told = sum(int(record["output_tokens"]) for record in records
                       if record["upstream"] == name)
            counted = metrics.sum("gen_ai_client_token_usage_total", upstream=name, type="output")
            self.assertEqual(counted, told)

    @staticmethod
    def told(record: dict) -> tuple:
        return (int(record["input_tokens"]), int(record["output_tokens"]), record["lost"],
                record["class"].removeprefix("USAGE_CLASS_"))

    def test_trailer_log_and_metrics(self):
        relay = self.relay()
        answer = exchange(relay.http, request(id="a", at=500, end="fin", manner="repeats"))
        self.assert_whole(answer)
        self.assertEqual((answer.get("trailer"), answer.trailers),
                         ("X-Culvert-Resumed", [("X-Culvert-Resumed", "1")]))
        line = relay.wait_for_log(count=1)[0]
        removed = min(20, len(self.model.of("a")[1].said))
        self.assertEqual((line["resumed"], line["seam_removed"], line["attempts"],
                          line["outcome"], "gave_up" in line), (1, removed, 2, "ok", False))
        self.assertTrue(line["last_cut"])
        metrics = relay.metrics()
        for name, value in (("culvert_streams_resumed_total", 1),
                            ("culvert_stream_resume_attempts_total", 1),
                            ("culvert_stream_seam_removed_characters_total", removed),
                            ("culvert_stream_resume_gave_up_total", 0)):
            self.assertEqual(metrics.sum(name), value, name)

    def test_clients_of_http_1_0_get_the_whole_text_and_no_trailer(self):
        relay = self.relay()
        answer = exchange(relay.http, request(version="1.0", id="a", at=500, end="fin"))
        self.assertEqual((answer.framing, answer.trailers, answer.get("trailer")),
                         ("close", [], None))
        self.assertEqual(texts(answer.body), (TEXT, 1, False))


if __name__ == "__main__":
    unittest.main()
