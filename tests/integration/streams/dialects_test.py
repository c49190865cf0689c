# The dialects where taking streams up is asked for: cut after an event, and gone on with by a
# model that says all of it again, so that the seam has to find where the client stands.
import json
import unittest

from tests.fakes import certs
from tests.fakes.models import Models
from tests.fakes.raw_client import Response, exchange
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN

TEXT = "All of it is said in one breath, and then said again from its first word to its last."
BY_TOKEN = f"X-Culvert-Token: {TOKEN}\r\n"
RESUME = {"on": True, "backoff": "1ms", "backoff_most": "2ms", "seam_wait": "20s"}
DIALECTS = (("openai", "/r/v1/chat/completions", "prefix"),
            ("anthropic", "/r/v1/messages", "prefill"),
            ("gemini", "/r/v1beta/models/m:streamGenerateContent?alt=sse", "prompt"))


def text_of(answer: Response) -> str:
    text = ""
    for line in asking.data_lines(answer.body):
        data = json.loads(line) if line.startswith("{") else {}
        for choice in data.get("choices", []):
            text += choice["delta"].get("content") or ""
        for candidate in data.get("candidates", []):
            text += "".join(part.get("text", "") for part in candidate["content"]["parts"])
        text += data.get("delta", {}).get("text", "")
    return text


class Dialects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = Models(certs.server())
        cls.addClassCleanup(cls.models.close)

    def setUp(self):
        self.models.reset()
        rule = {"text": TEXT, "deltas": 6}
        self.models.behave(rule | {"times": 1, "cut": {"event": 4}}, rule)

    def ask(self, dialect: str, path: str, resume: dict, **upstream) -> tuple[Relay, Response]:
        to = {"upstream": "u"} | ({} if dialect == "gemini" else {"model": "theirs"})
        relay = Relay.for_test(self, {"SSL_CERT_FILE": certs.authority().ca_file},
                               config=settings.resources(
            settings.relay(auth_tokens=[TOKEN]),
            settings.upstream("u", self.models.url, dialect=dialect, resume=resume, **upstream),
            settings.pool("u", ["sk-pool-key-0123456789abc"]),
            settings.document("Route", "r", {"match": {"path_prefix": "/r"}, "rewrite_prefix": "",
                                             "to": [to]})))
        body = asking.gemini() if dialect == "gemini" else asking.chat()
        return relay, exchange(relay.http, asking.post(path, body, key=None, fields=BY_TOKEN))

    def test_each_is_taken_up_where_it_is_asked_for(self):
        for dialect, path, continuation in DIALECTS:
            with self.subTest(dialect=dialect):
                self.setUp()
                relay, answer = self.ask(dialect, path, RESUME | {"continuation": continuation})
                self.assertEqual((answer.status, answer.ended), (200, "complete"), answer)
                self.assertEqual(text_of(answer), TEXT)
                self.assertEqual(answer.trailers, [("X-Culvert-Resumed", "1")])
                self.assertEqual(relay.wait_for_log(count=1)[0]["attempts"], 2)
                first, second = self.models.requests()
                self.assertGreater(second["body_bytes"], first["body_bytes"])
                if dialect != "gemini":  # the destination's own model, both times
                    self.assertEqual((first["model"], second["model"]), ("theirs", "theirs"))

    def test_it_is_off_where_nobody_asked(self):
        for dialect, path, _ in DIALECTS[:2]:
            with self.subTest(dialect=dialect):
                self.setUp()
                _, answer = self.ask(dialect, path, {})
                self.assertFalse(answer.complete)
                self.assertEqual(len(self.models.requests()), 1)

    def test_by_the_fetch_strategy(self):
        dialect, path, _ = DIALECTS[2]
        relay, answer = self.ask(dialect, path, RESUME, strategies=["fetch"])
        self.assertEqual((answer.ended, text_of(answer)), ("complete", TEXT))
        line = relay.wait_for_log(count=1)[0]
        self.assertEqual((line["strategy"], line["resumed"]), ("fetch", 1))


if __name__ == "__main__":
    unittest.main()
