# What reaches the ledger: one record for each request that an upstream saw, with the model server's
# own count of tokens, on disk before the client can see the answer's end, and there also when the
# relay is killed in the middle of everything.
import json
import os
import threading
import unittest

from tests.fakes import certs
from tests.fakes import model_text as mt
from tests.fakes.models import Models
from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN

USAGE = {"stream_options": {"include_usage": True}}


def tokens(record: dict) -> tuple:
    return tuple(int(record[name]) if name in record else None
                 for name in ("input_tokens", "output_tokens"))


def asked(kind: str, prompt: str, model: str, stream: bool) -> tuple[str, dict]:
    """Path and body of one request of a dialect."""
    if kind == "chat":
        return asking.CHAT, asking.chat(prompt, stream, **(USAGE if stream else {})) | {
            "model": model}
    if kind == "messages":
        return asking.MESSAGES, asking.chat(prompt, stream) | {"model": model}
    if kind == "responses":
        return asking.RESPONSES, {"model": model, "input": prompt, "stream": stream}
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/gemini/v1beta/models/{model}:{method}", asking.gemini(prompt)


KINDS = ("chat", "messages", "responses", "gemini")


class WithSpool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = Models(certs.server())
        cls.addClassCleanup(cls.models.close)

    def setUp(self):
        self.models.reset()

    def relay(self, spec: dict | None = None, **env) -> Relay:
        targets = {f"PROXY_{name}_TARGET": self.models.url
                   for name in ("OPENAI", "ANTHROPIC", "GEMINI")}
        config = settings.relay(usage={"spool": True}, **(spec or {}))
        return Relay.for_test(self, {"SSL_CERT_FILE": certs.authority().ca_file} | targets | env,
                              config=config)

    def last(self, relay: Relay, count: int) -> dict:
        """The record of the request that ended last, which the access log is written after."""
        relay.wait_for_log(count=count)
        found = relay.usage_records()
        self.assertEqual(len(found), count)
        return found[-1]


class Records(WithSpool):
    def test_tokens_are_the_model_servers_own_in_every_dialect(self):
        relay = self.relay()
        number = 0
        for kind in KINDS:
            for stream in (True, False):
                with self.subTest(kind=kind, stream=stream):
                    number += 1
                    prompt = f"a question in {kind}, streamed: {stream}"
                    path, body = asked(kind, prompt, f"model-{number}", stream)
                    answer = exchange(relay.http, asking.post(path, body))
                    self.assertTrue(answer.complete)
                    # No waiting here: the record is on disk before the end is sent.
                    record = relay.usage_records()[-1]
                    if kind in ("messages", "gemini"):  # OpenAI's own id stands there otherwise
                        self.assertEqual(record["id"], answer.get("x-request-id"))
                    said = mt.count_tokens(mt.answer_text(prompt))
                    self.assertEqual(tokens(record), (mt.count_tokens(prompt), said))
                    self.assertEqual(record["class"], "USAGE_CLASS_DELIVERED")
                    self.assertEqual((record["model"], record["status"], record["attempts"]),
                                     (f"model-{number}", 200, 1))
                    self.assertEqual(int(record["bytes_out"]), len(answer.body))
                    self.assertEqual("first_token_ms" in record, stream)
                    self.assertNotIn(asking.KEY, json.dumps(record))
        self.assertEqual(len(relay.usage_records()), number)
        metrics = relay.metrics()
        self.assertEqual(metrics.sum("culvert_usage_spool_records"), number)
        self.assertGreater(metrics.sum("culvert_usage_spool_bytes"), 0)
        self.assertEqual(metrics.sum("culvert_usage_spool_lost_records"), 0)

    def test_reasoning_is_told(self):
        relay = self.relay()
        self.models.behave(thoughts=True)
        exchange(relay.http, asking.post(asking.CHAT, asking.chat("think", True, **USAGE)))
        thought = mt.count_tokens(mt.thought_text("think"))
        self.assertEqual(int(self.last(relay, 1)["reasoning_tokens"]), thought)
        line = relay.wait_for_log()[0]
        self.assertEqual((line["tokens_reasoning"], line["usage"]), (thought, "delivered"))
        self.assertEqual(relay.metrics().sum("gen_ai_client_token_usage_total", upstream="openai",
                                             type="reasoning"), thought)

    def test_a_large_answer_is_metered(self):
        relay = self.relay()
        self.models.behave(text="word " * 1_000_000)
        path, body = asked("chat", "at length", "m", False)
        self.assertTrue(exchange(relay.http, asking.post(path, body)).complete)
        self.assertEqual(tokens(self.last(relay, 1)), (mt.count_tokens("at length"), 1_250_000))

    def test_what_the_vendor_does_not_say_is_estimated(self):
        relay = self.relay()
        prompt = "please tell me about the relay " * 10
        exchange(relay.http, asking.post(asking.CHAT, asking.chat(prompt)))
        record = self.last(relay, 1)
        self.assertEqual(record["class"], "USAGE_CLASS_ESTIMATED")
        wanted = (mt.count_tokens(prompt), mt.count_tokens(mt.answer_text(prompt)))
        for found, right in zip(tokens(record), wanted):
            self.assertTrue(0.6 * right <= found <= 1.6 * right, (found, right))
        self.assertEqual(relay.wait_for_log()[0]["usage"], "estimated")
        name = "gen_ai_client_token_usage_total"
        self.assertEqual(relay.metrics().sum(name, upstream="openai", type="output"), 0)
        self.assertEqual(relay.metrics().sum("culvert_tokens_estimated_total", upstream="openai",
                                             type="output"), tokens(record)[1])

    def test_a_client_that_leaves_is_counted_with_what_passed(self):
        relay = self.relay()
        self.models.behave(stall={"event": 12})
        wanted = {"chat": "USAGE_CLASS_ESTIMATED", "messages": "USAGE_CLASS_ESTIMATED",
                  "gemini": "USAGE_CLASS_ABORTED"}
        for number, (kind, usage) in enumerate(wanted.items(), 1):
            with self.subTest(kind=kind):
                path, body = asked(kind, "hello", "m", True)
                with RawClient(relay.http) as client:
                    client.send(asking.post(path, body))
                    self.models.wait(stalled_now=1)
                    client.read_head()
                    client.read_some()
                self.models.wait(aborted=number)
                record = self.last(relay, number)
                self.assertEqual(record["class"], usage)
                self.assertGreater(tokens(record)[0], 0)
                self.assertLess(0, tokens(record)[1])
                self.assertLess(tokens(record)[1], mt.count_tokens(mt.answer_text("hello")) * 1.6)

    def test_a_cut_is_counted_with_what_passed(self):
        relay = self.relay(GEMINI_SPECIAL_HANDLING_ENABLED="false")
        self.models.behave(cut={"event": 12, "how": "rst"})
        for number, kind in enumerate(("chat", "gemini"), 1):
            path, body = asked(kind, "hello", "m", True)
            self.assertFalse(exchange(relay.http, asking.post(path, body)).complete)
            record = self.last(relay, number)
            self.assertIn(record["class"], ("USAGE_CLASS_TRUNCATED", "USAGE_CLASS_ESTIMATED"))
            self.assertGreater(tokens(record)[1], 0)

    def test_errors_are_refused_and_strangers_leave_no_record(self):
        relay = self.relay({"auth_tokens": [TOKEN], "preset_auth": True})
        exchange(relay.http, asking.post())                                 # 401: no record
        exchange(relay.http, asking.get("/healthz", key=None))
        exchange(relay.http, asking.get("/nowhere/x"))
        self.models.behave(status=501, times=1)  # no status after which it would be tried again
        exchange(relay.http, asking.post(fields=f"X-Culvert-Token: {TOKEN}\r\n"))
        relay.wait_for_log(count=4)
        found = relay.usage_records()
        self.assertEqual([(r["class"], r["status"], tokens(r)) for r in found],
                         [("USAGE_CLASS_REFUSED", 501, (None, None))])

    def test_what_cannot_be_read_is_counted_without_tokens(self):
        relay = self.relay()
        self.models.behave(gzip=True)
        path, body = asked("chat", "hello", "m", False)
        exchange(relay.http, asking.post(path, body))
        record = self.last(relay, 1)
        self.assertEqual((record["class"], tokens(record)), ("USAGE_CLASS_DELIVERED", (None, None)))
        exchange(relay.http, asking.get("/openai/v1/models"))  # costs nothing, tells nothing
        self.assertEqual(tokens(self.last(relay, 2)), (None, None))

    def test_a_disk_that_cannot_be_used_stops_no_traffic(self):
        relay = self.relay(CULVERT_STATE_DIR="/dev/null/state")
        relay.wait_for_message("usage is not recorded")
        for _ in range(3):
            self.assertTrue(exchange(relay.http, asking.post()).complete)
        relay.wait_for_log(count=3)
        self.assertEqual(relay.metrics().sum("culvert_usage_spool_lost_records"), 3)

    def test_without_a_spool_nothing_is_written(self):
        relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": self.models.url,
                                      "SSL_CERT_FILE": certs.authority().ca_file})
        exchange(relay.http, asking.post())
        line = relay.wait_for_log()[0]
        self.assertNotIn("usage", line)
        self.assertFalse(os.path.exists(os.path.join(relay.env["CULVERT_STATE_DIR"], "usage")))


class Kills(WithSpool):
    """Clients of every dialect; the relay is killed while they stream, and started again."""

    def load(self, relay: Relay, address: str, round_number: int, enough: threading.Event,
             whole: list) -> list[threading.Thread]:
        lock = threading.Lock()

        def client(worker: int) -> None:
            number = 0
            while True:
                number += 1
                model = f"m-{round_number}-{worker}-{number}"
                kind = KINDS[(worker + number) % len(KINDS)]
                path, body = asked(kind, f"prompt of {model}", model, number % 3 != 0)
                try:
                    answer = exchange(address, asking.post(path, body))
                except OSError:
                    return
                if not answer.complete:
                    return
                with lock:
                    whole.append(model)
                    if len(whole) >= (round_number + 1) * 60:
                        enough.set()

        threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        return threads

    def test_every_request_has_exactly_one_record(self):
        relay = self.relay()
        whole: list[str] = []
        self.models.behave(delay_event_ms=2)
        for round_number in range(3):
            enough = threading.Event()
            address = relay.addresses("http")[-1]
            threads = self.load(relay, address, round_number, enough, whole)
            self.assertTrue(enough.wait(120), "hang guard")
            relay.crash()
            for thread in threads:
                thread.join(120)
            relay.start()
        counts = self.models.counts()
        self.models.wait(ended=counts["started"])
        found = relay.usage_records()
        self.assertEqual(len({record["id"] for record in found}), len(found), "an id twice")
        by_model = {record["model"]: record for record in found}
        for model in whole:
            record, prompt = by_model[model], f"prompt of {model}"
            self.assertEqual(record["class"], "USAGE_CLASS_DELIVERED")
            self.assertEqual(tokens(record), (mt.count_tokens(prompt),
                                              mt.count_tokens(mt.answer_text(prompt))))
        seen = [request["model"] for request in self.models.requests()]
        named = [record["model"] for record in found]
        for model in seen:
            self.assertEqual(named.count(model), 1, model)
        left = [record for record in found if record["model"] not in whole]
        self.assertTrue(left, "no kill hit a running request: the test proves nothing")
        self.assertTrue(relay.wait_for_message("requests that ran when the relay died were "
                                               "recorded"))


if __name__ == "__main__":
    unittest.main()
