# Keys of a pool as the upstream sees them: a conversation keeps its key, limits are kept before the
# upstream refuses, refusals are understood by what they say, and a good key is found among dead
# ones.
import json
import time
import unittest
from email.utils import formatdate

from tests.fakes.raw_client import exchange
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.life.settings import masked
from tests.integration.routes.support import BY_TOKEN, PATH, Routed, keys, route

KEYS = keys("one", 4)


class Keyed(Routed):
    def one(self, pool=KEYS, **spec) -> Relay:
        return self.relay(self.upstream("one"), settings.pool("one", pool, **spec),
                          route([{"upstream": "one"}]))

    def state(self, relay: Relay, key: str) -> str:
        return next(labels["state"] for labels, value in relay.metrics().all("culvert_keys")
                    if labels["key"] == masked(key) and value == 1)


class Conversations(Keyed):
    def test_a_growing_conversation_keeps_its_key(self):
        relay = self.one(policy="sticky")
        of_prompt = {}
        for number in range(12):
            turns = [{"role": "user", "content": f"prompt number {number}"}]
            self.forget()
            for turn in range(4):
                body = asking.chat(stream=False) | {"messages": turns}
                answer = self.ask_with(relay, body)
                self.assertEqual(answer.status, 200)
                turns = [*turns, {"role": "assistant", "content": "yes"},
                         {"role": "user", "content": f"more {turn}"}]
            self.assertEqual(len(self.used()), 1, self.used())
            of_prompt[number] = next(iter(self.used()))
        self.assertGreater(len(set(of_prompt.values())), 1)

    def ask_with(self, relay: Relay, body: dict):
        return exchange(relay.http, asking.post(PATH, body, None, BY_TOKEN))


class Limits(Keyed):
    def refused_after(self, served: int, limits: dict, pool=KEYS[:2]):
        relay = self.one(pool, limits=limits)
        for number in range(served):
            self.assertEqual(self.ask(relay).status, 200, number)
            relay.wait_for_log(count=number + 1)  # its tokens are counted then
        answer = self.ask(relay)
        self.assertEqual(answer.status, 429)
        self.assertGreaterEqual(int(answer.get("retry-after")), 1)
        self.models.wait(ended=served)
        self.assertEqual(len(self.seen()), served)  # the upstream never had to refuse
        return answer

    def test_requests_per_minute(self):
        answer = self.refused_after(6, {"requests_per_minute": 3})
        self.assertLessEqual(int(answer.get("retry-after")), 65)  # counted in parts of a minute
        self.assertEqual(set(self.used().values()), {3})

    def test_requests_per_day(self):
        answer = self.refused_after(4, {"requests_per_day": 2})
        self.assertGreater(int(answer.get("retry-after")), 3600)

    def test_tokens_per_minute_and_per_day(self):
        for limit in ("tokens_per_minute", "tokens_per_day"):
            with self.subTest(limit):
                self.forget()
                self.refused_after(2, {limit: 1})  # the first answer of each key uses it up


class Refusals(Keyed):
    SAID = {
        "rate": ("resting", 429, {"type": "requests", "code": "rate_limit_exceeded",
                                  "message": "Rate limit reached for requests per min."}),
        "billing": ("isolated", 429, {"type": "insufficient_quota", "code": "insufficient_quota",
                                      "message": "You exceeded your current quota, please check "
                                                 "your plan and billing details."}),
        "suspended": ("isolated", 403, {"type": "access_terminated",
                                        "code": "account_deactivated",
                                        "message": "The account has been deactivated."}),
    }

    def test_what_is_said_decides_how_long_a_key_rests(self):
        for name, (state, status, error) in self.SAID.items():
            with self.subTest(name):
                self.forget()
                relay = self.one(KEYS[:2], probe_off=True)
                self.models.behave(key=KEYS[0], status=status, body=json.dumps({"error": error}))
                for _ in range(4):
                    self.assertEqual(self.ask(relay).status, 200)
                self.assertEqual(self.used()[KEYS[0]], 1)
                self.assertEqual(self.state(relay, KEYS[0]), state)
                self.assertEqual(self.state(relay, KEYS[1]), "ready")

    def test_a_daily_quota_lasts_until_its_reset(self):
        relay = self.one(KEYS[:1])
        body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota",
                          "details": [{"@type": "type.googleapis.com/google.rpc.QuotaFailure",
                                       "violations": [{"quotaId": "RequestsPerDayPerProject",
                                                       "quotaValue": "50"}]},
                                      {"@type": "type.googleapis.com/google.rpc.RetryInfo",
                                       "retryDelay": "3s"}]}}
        self.models.behave(status=429, body=json.dumps(body))
        for _ in range(2):
            answer = self.ask(relay)
            self.assertIn(answer.status, (429, 503))
        self.assertGreater(int(answer.get("retry-after")), 3)  # midnight of California
        self.assertEqual(len(self.seen()), 1)

    def test_retry_after_in_both_forms(self):
        for form in (str, lambda wait: formatdate(time.time() + wait, usegmt=True)):
            self.forget()
            relay = self.one(KEYS[:1], rest="1s")
            self.models.behave(status=429, headers=[["Retry-After", form(1200)]])
            self.ask(relay)
            answer = self.ask(relay)
            self.assertEqual(answer.status, 429)
            self.assertTrue(1100 < int(answer.get("retry-after")) <= 1201,
                            answer.get("retry-after"))
            self.assertEqual(len(self.seen()), 1)


class DeadKeys(Keyed):
    def test_a_good_key_is_found_behind_twenty_dead_ones(self):
        pool = keys("many", 100)
        relay = self.one(pool, probe_off=True)
        for key in pool[:20]:
            self.models.behave(key=key, status=401)
        for _ in range(3):
            self.assertEqual(self.ask(relay).status, 200)
        used = self.used()
        self.assertEqual({used[key] for key in pool[:20]}, {1})  # each is found out once
        self.assertEqual(sum(used.values()), 23)

    def test_one_request_tries_no_more_than_so_many(self):
        pool = keys("dead", 100)
        relay = self.one(pool, probe_off=True)
        self.models.behave(status=401)
        answer = self.ask(relay)
        self.assertEqual(answer.status, 503)
        self.assertEqual(len(self.seen()), 32)

    def test_of_a_callers_own_list_fewer(self):
        relay = self.one()
        self.models.behave(status=401)
        listed = ",".join(keys("own", 20))
        answer = self.ask(relay, fields=f"{BY_TOKEN}Authorization: Bearer {listed}\r\n")
        self.assertGreaterEqual(answer.status, 400)
        self.assertEqual(len(self.seen()), 8)


if __name__ == "__main__":
    unittest.main()
