# Every request is in the ledger once, whoever is killed when: three relays and the service, in
# random order, under load; then the ledger against what the model server itself has counted.
import os
import random
import threading
import time

from tests.fakes import model_text
from tests.integration.fleet.support import FleetCase, ask, house

CHAT = "/house/v1/chat/completions"
SECONDS = int(os.environ.get("CULVERT_KILL_SECONDS", "60"))  # of killing
CLIENTS = 6


class Ledger(FleetCase):
    def setUp(self):
        super().setUp()
        self.relays = self.join("one", "two", "three", expect_exit=None)
        self.token = self.client_token("acme")
        self.control.apply(house(self.models))
        self.wait_until_served(self.relays, CHAT, self.token)
        self.whole: dict[str, str] = {}  # model → prompt, of answers that a client has whole
        self.changed = threading.Condition()
        self.ended = False

    def client(self, worker: int) -> None:
        number = 0
        while not self.ended:
            number += 1
            model = f"m-{worker}-{number}"
            prompt = f"prompt of {model}"
            body = {"model": model, "stream": number % 3 != 0,
                    "messages": [{"role": "user", "content": prompt}]}
            if body["stream"]:
                body["stream_options"] = {"include_usage": True}
            relay = self.relays[(worker + number) % len(self.relays)]
            try:
                status, answer = ask(relay, CHAT, self.token, body)
            except (OSError, IndexError, AssertionError):
                with self.changed:  # it is down: somebody else's answer is waited for
                    self.changed.wait(0.05)
                continue
            except Exception:  # noqa: BLE001  http.client's own kinds of a cut
                continue
            if status == 200 and (not body["stream"] or b"[DONE]" in answer):
                with self.changed:
                    self.whole[model] = prompt
                    self.changed.notify_all()

    def wait_for_answers(self, more: int) -> None:
        with self.changed:
            goal = len(self.whole) + more
            self.assertTrue(self.changed.wait_for(lambda: len(self.whole) >= goal, 120),
                            "hang guard: no answers")

    def test_killed_in_random_order(self):
        chance = random.Random(0)
        self.models.behave(delay_event_ms=2)
        threads = [threading.Thread(target=self.client, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        kills = {"service": 0, "relay": 0}
        until = time.monotonic() + SECONDS
        try:
            while time.monotonic() < until:
                victim = chance.choice([self.control, *self.relays])
                kills["service" if victim is self.control else "relay"] += 1
                self.wait_for_answers(chance.randrange(5, 40))
                victim.crash()
                self.wait_for_answers(chance.randrange(1, 20))
                victim.start()
        finally:
            self.ended = True
            for thread in threads:
                thread.join(120)
        self.models.wait(ended=self.models.counts()["started"])
        for relay in self.relays:
            relay.wait_for_metric(lambda m: m.sum("culvert_usage_spool_records") == 0)
        print(f"\n  {kills}, {len(self.whole)} whole answers")
        self.compare()

    def compare(self) -> None:
        used: dict[str, dict] = {}
        for row in self.control.ask("usage", "--by", "model", "--from", "24h")["rows"]:
            used[row["group"]["model"]] = row
        seen = [r["model"] for r in self.models.requests() if r["model"].startswith("m-")]
        for model in seen:
            self.assertEqual(used[model]["requests"], seen.count(model), model)
        for model, prompt in self.whole.items():
            self.assertEqual((used[model]["input_tokens"], used[model]["output_tokens"]),
                             (model_text.count_tokens(prompt),
                              model_text.count_tokens(model_text.answer_text(prompt))), model)
        left = [model for model in seen if model not in self.whole]
        self.assertTrue(left, "no kill hit a running request: the test proves nothing")
        print(f"  {len(seen)} requests at the model server, each in the ledger once, "
              f"{len(left)} of them cut by a kill")
