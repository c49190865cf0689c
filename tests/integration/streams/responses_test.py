# Responses that run in the background, cut and read on from the event behind the last one, by GET
# with the same key at the same place. The client gets the very bytes of the undisturbed stream.
import json
import unittest

from tests.fakes.models import Models
from tests.fakes.raw_client import Response, exchange
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN

TEXT = "狐狸 🦊 and all of it is said in one breath, from its first word to its last."
PATH = "/r/v1/responses"
BODY = {"model": "gpt-5.5", "input": "hello", "stream": True, "background": True, "store": True}
RESUME = {"on": True, "backoff": "1ms", "backoff_most": "2ms", "idle": "1s"}
KEYS = [f"sk-pool-key-{n}-0123456789" for n in range(3)]
# Here every stream breaks off, so that the budget of further tries is no measure.
RETRY = {"budget_least": 1000}
STRIDE = 211  # bytes between two cuts


def numbers(body: bytes) -> list[int]:
    return [json.loads(line)["sequence_number"] for line in asking.data_lines(body)]


class Responses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = Models()
        cls.addClassCleanup(cls.models.close)

    def setUp(self):
        self.models.reset()

    def relay(self, *urls: str, resume: dict | None = None) -> Relay:
        return Relay.for_test(self, config=settings.resources(
            settings.relay(auth_tokens=[TOKEN]),
            settings.upstream("u", *(urls or [self.models.url]), dialect="openai", retry=RETRY,
                              resume=RESUME | (resume or {})),
            settings.pool("u", KEYS),
            settings.route("r", "u", match={"path_prefix": "/r"}, rewrite_prefix="")))

    def ask(self, relay: Relay, *rules: dict, **more) -> Response:
        """The first rule is for the first call."""
        self.models.reset()
        self.models.behave(*[{"text": TEXT, "deltas": 8} | rule for rule in rules or [{}]])
        return exchange(relay.http, asking.post(
            PATH, BODY | more, key=None, fields=f"X-Culvert-Token: {TOKEN}\r\n"))

    def whole(self, relay: Relay) -> bytes:
        answer = self.ask(relay)
        self.assertEqual(numbers(answer.body), list(range(len(numbers(answer.body)))))
        return answer.body

    def assert_read_on(self, answer: Response, whole: bytes, behind: int) -> None:
        self.assertEqual((answer.ended, answer.body), ("complete", whole))
        first, second = self.models.requests()
        self.assertEqual((second["method"], second["key"]), ("GET", first["key"]))
        response = json.loads(asking.data_lines(whole)[0])["response"]["id"]
        self.assertEqual(second["target"],
                         f"/v1/responses/{response}?stream=true&starting_after={behind}")
        self.assertEqual((second["body_bytes"], answer.trailers),
                         (0, [("X-Culvert-Resumed", "1")]))

    def test_behind_each_event(self):
        relay = self.relay()
        whole = self.whole(relay)
        for event in range(1, len(numbers(whole))):
            for how in ("fin", "rst"):
                with self.subTest(event=event, how=how):
                    answer = self.ask(relay, {"times": 1, "cut": {"event": event, "how": how}}, {})
                    if how == "fin":
                        self.assert_read_on(answer, whole, event - 1)
                    self.assertEqual((answer.ended, answer.body), ("complete", whole))

    def test_in_the_middle_of_events(self):
        relay = self.relay()
        whole = self.whole(relay)
        first = whole.index(b"\n\n") + 2
        for at in range(first, len(whole) - 10, STRIDE):
            with self.subTest(at=at):
                answer = self.ask(relay, {"times": 1, "cut": {"body_at": at}}, {})
                self.assert_read_on(answer, whole, len(numbers(
                    whole[:whole.rindex(b"\n\n", 0, at) + 2])) - 1)

    def test_before_the_first_event_it_is_asked_for_again(self):
        relay = self.relay()
        whole = self.whole(relay)
        answer = self.ask(relay, {"times": 1, "cut": {"event": 0}}, {})
        self.assertEqual((answer.ended, answer.body), ("complete", whole))
        first, second = self.models.requests()
        self.assertEqual((second["method"], second["body"]), ("POST", first["body"]))

    def test_a_stall_and_an_error_event(self):
        relay = self.relay()
        whole = self.whole(relay)
        for rule in ({"stall": {"event": 7}}, {"error_event": {"after": 7, "code": 500}}):
            with self.subTest(rule=rule):
                self.assert_read_on(self.ask(relay, rule | {"times": 1}, {}), whole, 6)

    def test_cut_again_and_again(self):
        relay = self.relay()
        whole = self.whole(relay)
        answer = self.ask(relay, {"cut": {"event": 4}, "times": 3}, {})
        self.assertEqual((answer.ended, answer.body), ("complete", whole))
        self.assertEqual([request["target"].rpartition("=")[2] for request in
                          self.models.requests()[1:]], ["3", "7", "11"])
        self.assertEqual(len({request["key"] for request in self.models.requests()}), 1)

    def test_what_comes_twice_is_passed_once(self):
        relay = self.relay()
        whole = self.whole(relay)
        events = [event + "\n\n" for event in whole.decode().split("\n\n")[:-1]]
        answer = self.ask(relay, {"times": 1, "cut": {"event": 6}},
                          {"method": "GET", "pieces": events})
        self.assert_read_on(answer, whole, 5)

    def test_at_the_same_place(self):
        with Models() as other:
            relay = self.relay(self.models.url, other.url)
            whole = None
            for _ in range(6):  # wherever the first call goes, the second goes there
                other.reset()
                other.behave({"text": TEXT, "deltas": 8, "times": 1, "cut": {"event": 6}},
                             {"text": TEXT, "deltas": 8})
                answer = self.ask(relay, {"times": 1, "cut": {"event": 6}}, {})
                whole = whole or answer.body
                self.assertEqual((answer.ended, answer.body), ("complete", whole))
                self.assertEqual(numbers(answer.body), list(range(len(numbers(whole)))))
                self.assertEqual(sorted(len(m.requests()) for m in (self.models, other)), [0, 2])

    def test_where_it_is_gone_the_end_is_visible(self):
        relay = self.relay()
        for number, status in enumerate((404, 400, 401)):
            with self.subTest(status=status):
                answer = self.ask(relay, {"times": 1, "cut": {"event": 6}},
                                  {"method": "GET", "status": status})
                self.assertFalse(answer.complete)
                lines = asking.data_lines(answer.body)
                self.assertEqual([json.loads(line)["sequence_number"] for line in lines[:-1]],
                                 list(range(6)))
                self.assertIn("error", json.loads(lines[-1]))
                self.assertNotIn(b"response.completed", answer.body)
                gets = [r for r in self.models.requests() if r["method"] == "GET"]
                self.assertEqual({r["status"] for r in gets}, {status})
                line = relay.wait_for_log(count=number + 1)[number]
                self.assertEqual((line["gave_up"], line["outcome"]), ("refused", "truncated"))

    def test_one_that_is_not_in_the_background_ends_visibly(self):
        relay = self.relay()
        answer = self.ask(relay, {"cut": {"event": 9}}, background=False)
        self.assertFalse(answer.complete)
        self.assertIn("error", json.loads(asking.data_lines(answer.body)[-1]))
        self.assertEqual(len(self.models.requests()), 1)
        self.assertEqual(relay.wait_for_log(count=1)[0]["gave_up"], "fixed")

    def test_told(self):
        relay = self.relay()
        self.ask(relay, {"times": 1, "cut": {"event": 6}}, {})
        line = relay.wait_for_log(count=1)[0]
        self.assertEqual((line["resumed"], line["attempts"], line["outcome"]), (1, 2, "ok"))
        self.assertTrue(line["last_cut"])
        self.assertNotIn("gave_up", line)
        usage = json.loads(asking.data_lines(self.whole(relay))[-1])["response"]["usage"]
        self.assertEqual((line["tokens_in"], line["tokens_out"]),
                         (usage["input_tokens"], usage["output_tokens"]))
        metrics = relay.metrics()
        self.assertEqual(metrics.sum("culvert_streams_resumed_total", upstream="u"), 1)


if __name__ == "__main__":
    unittest.main()
