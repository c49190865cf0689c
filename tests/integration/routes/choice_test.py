# Which destination of a route takes a request: by share, by client, in a chain with its own keys
# and models; and how a target that fails is left alone and found again.
import json
import math
import unittest
from collections import Counter

from tests.fakes.raw_client import RawClient, exchange
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN
from tests.integration.routes.support import BY_TOKEN, PATH, Routed, keys, route


class Shares(Routed):
    def test_weights_are_shares(self):
        relay = self.relay(self.upstream("one"), self.upstream("two"),
                           route([{"upstream": "one", "weight": 7},
                                  {"upstream": "two", "weight": 3}], auth=False), workers=2)
        count, share = 2000, 0.7
        request = asking.get("/r/models")  # with a key of its own
        with RawClient(relay.http) as client:
            for _ in range(count):
                client.send(request)
                self.assertEqual(client.read_response().status, 200)
        went = Counter(self.went())
        # Six standard deviations of a binomial: one run in 500 million is outside by chance.
        bound = 6 * math.sqrt(count * share * (1 - share))
        self.assertEqual(sum(went.values()), count)
        self.assertLess(abs(went["one"] - count * share), bound, went)

    def sticky_by(self, relay, clients: dict[str, str]) -> dict[str, str]:
        """Where each client, by its header lines, goes with every one of its requests."""
        out = {}
        for name, fields in clients.items():
            self.forget()
            for _ in range(5):
                self.assertEqual(self.ask(relay, fields=fields).status, 200)
            went = set(self.went())
            self.assertEqual(len(went), 1, name)
            out[name] = went.pop()
        return out

    def halves(self, **sticky) -> tuple[str, ...]:
        return (self.upstream("one"), self.upstream("two"),
                settings.pool("one", keys("one", 1)), settings.pool("two", keys("two", 1)),
                route([{"upstream": "one"}, {"upstream": "two"}], sticky=sticky))

    def test_a_caller_stays_with_one_destination(self):
        tokens = [f"token-of-client-{n:02}-0123456789" for n in range(16)]
        relay = self.relay(*self.halves(tenant=True), tokens=tokens, workers=2)
        clients = {token: f"X-Culvert-Token: {token}\r\n" for token in tokens}
        went = self.sticky_by(relay, clients)
        self.assertEqual(set(went.values()), {"one", "two"})
        other = self.relay(*self.halves(tenant=True), tokens=tokens)
        self.assertEqual(self.sticky_by(other, clients), went)  # also at another relay

    def test_a_header_decides_and_does_not_go_up(self):
        relay = self.relay(*self.halves(header="X-Cohort"))
        clients = {str(n): f"{BY_TOKEN}X-Cohort: cohort-{n}\r\n" for n in range(16)}
        went = self.sticky_by(relay, clients)
        self.assertEqual(set(went.values()), {"one", "two"})
        self.assertNotIn("x-cohort", self.seen()[0]["head"].lower())


class Chains(Routed):
    def test_a_fallback_has_its_own_keys_and_model_and_the_same_bytes_else(self):
        relay = self.relay(
            self.upstream("one"), self.upstream("two"), self.upstream("three"),
            settings.pool("one", keys("one", 2)), settings.pool("two", keys("two", 1)),
            settings.document("KeyPool", "cheap", {"upstream": "three", "keys": keys("cheap", 1)}),
            route([{"upstream": "one"}],
                  fallback=[{"upstream": "two", "model": "second-choice"},
                            {"upstream": "three", "model": "third", "key_pool": "cheap"}]))
        self.models.behave(path="/one/*", status=503)
        self.models.behave(path="/two/*", status=529)
        body = ('{ "messages":[{"role":"user","content":"caf\\u00e9 \\"model\\": \\"x\\""}],\n'
                '"model" : "gpt-6-sol","top_p":0.50 }').encode()
        answer = exchange(relay.http, asking.post(PATH, body, None, BY_TOKEN))
        self.assertEqual(answer.status, 200)
        seen = self.seen()
        self.assertEqual(self.went(), ["one", "two", "three"])
        self.assertEqual([one["model"] for one in seen], ["gpt-6-sol", "second-choice", "third"])
        for one, name in zip(seen, ("gpt-6-sol", "second-choice", "third")):
            self.assertEqual(one["body"], body.decode().replace("gpt-6-sol", name))
        self.assertIn(seen[0]["key"], keys("one", 2))
        self.assertEqual([one["key"] for one in seen[1:]],
                         [keys("two", 1)[0], keys("cheap", 1)[0]])
        line = relay.wait_for_log()[0]
        self.assertEqual((line["attempts"], line["upstream"], line["outcome"]), (3, "three", "ok"))

    def test_where_all_fail_the_last_answer_is_the_clients(self):
        relay = self.relay(self.upstream("one"), self.upstream("two"),
                           settings.pool("one", keys("one", 1)),
                           settings.pool("two", keys("two", 1)),
                           route([{"upstream": "one"}], fallback=[{"upstream": "two"}],
                                 retry={"attempts": 2}))
        self.models.behave(status=503)
        answer = self.ask(relay)
        self.assertEqual(answer.status, 503)
        self.assertIn("overloaded", json.loads(answer.body)["error"]["message"])
        self.assertEqual(self.went(), ["one", "two"])


class Breakers(Routed):
    def test_a_target_that_fails_is_left_alone_and_comes_back(self):
        relay = self.relay(
            settings.upstream("pair", self.base("bad"), self.base("good"), dialect="openai",
                              circuit_breaker={"consecutive_failures": 3, "open": "200ms"},
                              retry={"budget_percent": 100}),
            settings.pool("pair", keys("pair", 1)), route([{"upstream": "pair"}]))
        self.models.behave(path="/bad/*", status=500)
        while Counter(self.went())["bad"] < 3:
            self.assertEqual(self.ask(relay).status, 200)
        self.forget()
        for _ in range(30):
            self.assertEqual(self.ask(relay).status, 200)
        # Left alone but for its probes, each at least 200 ms after the last.
        went = Counter(self.went())
        spent = (self.seen()[-1]["start_ns"] - self.seen()[0]["start_ns"]) / 200e6
        self.assertLessEqual(went["bad"], spent + 1)
        self.assertEqual(went["good"], 30)
        self.models.behave_well()
        self.forget()
        while "bad" not in self.went()[-20:]:
            self.assertEqual(self.ask(relay).status, 200)
        self.forget()
        for _ in range(60):
            self.assertEqual(self.ask(relay).status, 200)
        self.assertGreater(Counter(self.went())["bad"], 10)  # a half; 5 sigma below it

    def test_of_three_with_two_dead_the_third_gets_all(self):
        dead = ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"]  # nothing listens there
        relay = self.relay(
            settings.upstream("trio", *dead, self.base("alive"), dialect="openai",
                              strategies=["socket"], retry={"budget_percent": 100},
                              circuit_breaker={"open": "1h", "ejected_percent_most": 50}),
            settings.pool("trio", keys("trio", 1)), route([{"upstream": "trio"}]))
        while relay.metrics().sum("culvert_upstream_attempts_total", upstream="trio") < 80:
            self.assertEqual(self.ask(relay).status, 200)
        before = relay.metrics().sum("culvert_upstream_attempts_total", upstream="trio")
        for _ in range(40):
            self.assertEqual(self.ask(relay).status, 200)
        after = relay.metrics().sum("culvert_upstream_attempts_total", upstream="trio")
        self.assertEqual(after - before, 40)


if __name__ == "__main__":
    unittest.main()
