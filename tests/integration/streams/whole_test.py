# Answers of Gemini's that do not stream: one that is empty or stops in the middle is no success. It
# is asked for again, and an error where that does not help.
import json
import unittest

from tests.fakes.raw_client import Response, exchange
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.streams import cutting_gemini as model
from tests.integration.streams.cutting_gemini import CuttingGemini
from tests.integration.streams.resume_test import request


def answer(text: str | None, finish: str | None = "STOP") -> dict:
    parts = [{"text": text}] if text else []
    candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate],
            "usageMetadata": {"promptTokenCount": model.PROMPT_TOKENS,
                              "candidatesTokenCount": 2 if text else 0}}


WELL = answer("All of it.")
EMPTY = answer(None)
CUT = answer("Half of", None)
NOTHING = {"usageMetadata": {"promptTokenCount": model.PROMPT_TOKENS}}
FINAL = [answer("Half of", "MAX_TOKENS"), answer(None, "SAFETY"), answer(None, "SOMETHING_NEW"),
         {"promptFeedback": {"blockReason": "SAFETY"}}]


class Whole(unittest.TestCase):
    def setUp(self):
        self.model = self.enterContext(CuttingGemini())

    def relay(self, spool: bool = False, **env) -> Relay:
        own = settings.upstream("quick", self.model.url, dialect="gemini",
                                retry={"backoff": "1ms", "backoff_most": "2ms", "attempts": 3})
        process = settings.relay(usage={"spool": spool})
        return Relay.for_test(self, {"PROXY_GEMINI_TARGET": self.model.url} | env,
                              config=settings.resources(process, own))

    def ask(self, relay: Relay, name: str, *answers) -> Response:
        path = "/quick/v1beta/models/m:generateContent"
        return exchange(relay.http, request(path, id=name, manner="whole", answers=answers,
                                            end="fin", times=0))

    def test_a_whole_answer_passes_and_is_asked_for_once(self):
        relay = self.relay()
        for number, well in enumerate((WELL, *FINAL)):
            with self.subTest(well=well):
                got = self.ask(relay, f"{number}", well)
                self.assertEqual((got.status, json.loads(got.body)), (200, well))
                self.assertEqual(got.body, json.dumps(well).encode())
                self.assertEqual(len(self.model.of(f"{number}")), 1)

    def test_what_came_to_nothing_is_asked_for_again(self):
        relay = self.relay()
        for number, bad in enumerate((EMPTY, CUT, NOTHING)):
            with self.subTest(bad=bad):
                got = self.ask(relay, f"{number}", bad, WELL)
                self.assertEqual((got.status, json.loads(got.body)), (200, WELL))
                line = relay.wait_for_log(count=number + 1)[number]
                self.assertEqual((line["attempts"], line["outcome"]), (2, "ok"))
                self.assertEqual(line["tokens_in"], 2 * model.PROMPT_TOKENS)

    def test_what_is_estimated_of_a_lost_answer_is_not_taken_from_the_next(self):
        relay = self.relay(spool=True)
        half, well = ({"candidates": answer["candidates"]} for answer in (CUT, WELL))
        self.ask(relay, "at once", well)
        self.ask(relay, "again", half, well)
        relay.wait_for_log(count=2)
        at_once, lost, again = relay.usage_records()
        self.assertEqual((at_once["lost"], lost["lost"], again["lost"]), (False, True, False))
        self.assertGreater(int(lost["output_tokens"]), 0)
        self.assertEqual(again["output_tokens"], at_once["output_tokens"])

    def test_where_that_does_not_help_it_is_an_error(self):
        relay = self.relay()
        got = self.ask(relay, "a", *[EMPTY] * 9)
        self.assertEqual((got.status, got.get("x-proxy-error"), got.get("x-proxy-stage")),
                         (502, "true", "body"))
        self.assertIn("the model said nothing", json.loads(got.body)["error"]["message"])
        self.assertEqual(len(self.model.of("a")), 3)

    def test_off_it_passes_as_it_is(self):
        relay = self.relay(GEMINI_SPECIAL_HANDLING_ENABLED="false")
        got = self.ask(relay, "a", EMPTY, WELL)
        self.assertEqual((got.status, json.loads(got.body)), (200, EMPTY))


if __name__ == "__main__":
    unittest.main()
