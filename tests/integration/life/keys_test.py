# Who pays, as the upstream sees it: pools from every source, policies, keys that rest, are isolated
# and come back, failing over before the client sees anything; and what goes up twice, which is a
# request that cannot have been acted upon and no other.
import json
import pathlib
import socket
import tempfile
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.fakes.models import Models
from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.raw_upstream import RawUpstream
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN, masked

KEYS = tuple(f"sk-pool-{n}-{'0123456789' * 2}-{n}end" for n in range(4))
BY_TOKEN = f"X-Culvert-Token: {TOKEN}\r\n"
PATHS = {"openai": asking.CHAT, "anthropic": asking.MESSAGES, "gemini": asking.GEMINI}


class Pools(unittest.TestCase):
    """One model server for all tests; a relay for each."""

    @classmethod
    def setUpClass(cls):
        cls.models = Models()
        cls.addClassCleanup(cls.models.close)

    def setUp(self):
        self.models.reset()

    def relay(self, keys=KEYS[:3], name: str = "openai", workers: int = 1, more=(), limits=None,
              **spec) -> Relay:
        self.config = settings.resources(
            settings.relay(auth_tokens=[TOKEN], workers=workers, **({"limits": limits}
                                                                    if limits else {})),
            settings.upstream(name, self.models.url), settings.pool(name, keys, **spec), *more)
        return Relay.for_test(self, config=self.config)

    def ask(self, relay: Relay, path: str = asking.CHAT, fields: str = BY_TOKEN, body=None,
            key: str | None = None):
        return exchange(relay.http, asking.post(path, body, key, fields))

    def used(self) -> list[str]:
        """The keys as they reached the upstream, in order."""
        return [seen["key"] for seen in self.models.requests()]

    def states(self, relay: Relay) -> dict:
        """key (masked) → its state."""
        return {labels["key"]: labels["state"]
                for labels, value in relay.metrics().all("culvert_keys") if value == 1}

    def wait_for_state(self, relay: Relay, key: str, state: str) -> None:
        relay.wait_for_metric(lambda m: m.sum("culvert_keys", key=masked(key), state=state) == 1)


class Sources(Pools):
    def test_pools_from_the_environment(self):
        env = {"AUTH_TOKEN": TOKEN, "CULVERT_WORKERS": "1"}
        for name in PATHS:
            env[f"PROXY_{name.upper()}_TARGET"] = self.models.url
            env[f"{name.upper()}_API_KEYS"] = ",".join(f"{name}-{key}" for key in KEYS[:3])
        relay = Relay.for_test(self, env)
        for name, path in PATHS.items():
            self.models.reset()
            for _ in range(6):
                self.assertEqual(self.ask(relay, path).status, 200)
            expected = [f"{name}-{key}" for key in KEYS[:3]]
            self.assertEqual(Counter(self.used()), Counter(expected * 2))
            header = {"openai": "Authorization: Bearer ", "anthropic": "x-api-key: ",
                      "gemini": "x-goog-api-key: "}[name].lower()
            for seen in self.models.requests():
                self.assertIn(header, seen["head"].lower())
                self.assertNotIn(TOKEN, seen["head"])

    def test_pools_from_the_file_with_secrets_from_elsewhere(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "key")
            file.write_text(KEYS[1] + "\n")
            config = settings.resources(
                settings.relay(auth_tokens=["env:THE_TOKEN"], workers=1),
                settings.upstream("openai", self.models.url),
                settings.pool("openai", [KEYS[0], f"file:{file}", "env:THE_KEY"]))
            relay = Relay.for_test(self, {"THE_TOKEN": TOKEN, "THE_KEY": KEYS[2]}, config=config)
            for _ in range(3):
                self.assertEqual(self.ask(relay).status, 200)
        self.assertEqual(set(self.used()), set(KEYS[:3]))

    def test_the_token_in_the_keys_place_spends_the_pool(self):
        relay = self.relay()
        for fields, path in ((f"Authorization: Bearer {TOKEN}\r\n", asking.CHAT),
                             (f"x-api-key: {TOKEN}\r\n", asking.CHAT),
                             ("", f"/{TOKEN}{asking.CHAT}"),
                             (f"Proxy-Authorization: Bearer {TOKEN}\r\n", asking.CHAT)):
            with self.subTest(fields=fields, path=path):
                self.assertEqual(self.ask(relay, path, fields).status, 200)
        for seen in self.models.requests():
            self.assertIn(seen["key"], KEYS)
            self.assertNotIn(TOKEN, seen["head"])

    def test_without_a_token_the_pool_pays_for_nobody(self):
        relay = self.relay()
        self.assertEqual(self.ask(relay, fields="").status, 401)
        self.assertEqual(self.used(), [])

    def test_a_callers_own_key_wins_over_the_pool(self):
        relay = self.relay()
        self.assertEqual(self.ask(relay, key="sk-own-key-0123456789").status, 200)
        self.assertEqual(self.used(), ["sk-own-key-0123456789"])

    def test_a_callers_list_is_a_pool(self):
        relay = Relay.for_test(self, {f"PROXY_{name.upper()}_TARGET": self.models.url
                                      for name in PATHS} | {"CULVERT_WORKERS": "1"})
        listed = ",".join(KEYS[:3])
        forms = [(asking.CHAT, f"Authorization: Bearer {listed}\r\n"),
                 (asking.MESSAGES, f"x-api-key: {listed}\r\n"),
                 (asking.MESSAGES, f"Authorization: Bearer {listed}\r\n"),
                 (asking.GEMINI, f"x-goog-api-key: {listed}\r\n"),
                 (f"{asking.GEMINI}&key={listed}", ""),
                 (f"{asking.GEMINI}&key={listed.replace(',', '%2C')}", "")]
        for path, fields in forms:
            with self.subTest(path=path, fields=fields):
                self.models.reset()
                for _ in range(6):
                    self.assertEqual(self.ask(relay, path, fields).status, 200)
                self.assertEqual(Counter(self.used()), Counter(KEYS[:3] * 2))

    def test_a_callers_list_fails_over_and_remembers(self):
        relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": self.models.url})
        fields = f"Authorization: Bearer {','.join(KEYS[:3])}\r\n"
        self.models.behave(key=KEYS[0], status=429, retry_after=3600)
        self.models.behave(key=KEYS[1], status=401)
        for _ in range(12):
            self.assertEqual(self.ask(relay, fields=fields).status, 200)
        self.models.wait(ended=14)
        self.assertEqual(Counter(self.used()), {KEYS[0]: 1, KEYS[1]: 1, KEYS[2]: 12})

    def test_no_key_shows_anywhere(self):
        relay = self.relay()
        self.models.behave(key=KEYS[0], status=401)
        self.models.behave(key=KEYS[1], status=429)
        for _ in range(3):
            self.ask(relay)
        self.wait_for_state(relay, KEYS[0], "isolated")
        _, page = relay.admin_get("/metrics")
        lines = relay.wait_for_log(count=3)
        everything = "\n".join([page, *relay.stderr_text, *relay.stdout_text])
        for secret in (*KEYS, TOKEN):
            self.assertNotIn(secret, everything)
        self.assertEqual({line["key"] for line in lines}, {masked(KEYS[2])})


class Policies(Pools):
    def test_round_robin(self):
        relay = self.relay(policy="round_robin")
        for _ in range(9):
            self.ask(relay)
        used = self.used()
        self.assertEqual(used[:3] * 3, used)
        self.assertEqual(set(used), set(KEYS[:3]))

    def test_random(self):
        relay = self.relay(policy="random")
        for _ in range(60):
            self.ask(relay)
        used = self.used()
        self.assertEqual(set(used), set(KEYS[:3]))
        self.assertNotEqual(used[:3] * 20, used)

    def test_least_used(self):
        """Keys with requests in flight stand back."""
        relay = self.relay(policy="least_used")
        self.models.behave(stall="head", times=2)
        busy = [self.enterContext(RawClient(relay.http)) for _ in range(2)]
        for number, client in enumerate(busy, 1):
            client.send(asking.post(key=None, fields=BY_TOKEN))
            self.models.wait(stalled_now=number)
        for _ in range(5):
            self.ask(relay)
        used = self.used()
        self.assertEqual(len(set(used[:2])), 2)
        self.assertEqual(set(used[2:]), set(KEYS[:3]) - set(used[:2]))
        self.models.release()
        for client in busy:
            self.assertTrue(client.read_response("POST").complete)

    def test_sticky(self):
        """One caller keeps its key; a key that goes moves only its own callers."""
        tokens = [f"token-number-{n}-0123456789" for n in range(12)]
        config = settings.resources(
            settings.relay(auth_tokens=tokens, workers=2),
            settings.upstream("openai", self.models.url),
            settings.pool("openai", KEYS, policy="sticky", isolation="1h"))
        relay = Relay.for_test(self, config=config)

        def key_of(token: str) -> str:
            self.models.reset()
            for _ in range(4):
                answer = self.ask(relay, fields=f"X-Culvert-Token: {token}\r\n")
                self.assertEqual(answer.status, 200)
            self.assertEqual(len(set(self.used())), 1, self.used())
            return self.used()[0]

        before = {token: key_of(token) for token in tokens}
        self.assertGreater(len(set(before.values())), 1)
        gone = before[tokens[0]]
        self.models.reset()
        self.models.behave(key=gone, status=401)
        self.ask(relay, fields=f"X-Culvert-Token: {tokens[0]}\r\n")
        self.wait_for_state(relay, gone, "isolated")
        for token in tokens:
            now = key_of(token)
            if before[token] == gone:
                self.assertNotEqual(now, gone)
            else:
                self.assertEqual(now, before[token])


class Health(Pools):
    def failing_over(self, relay: Relay, path: str, state: str, **rule) -> None:
        """The first key fails; the client sees the second's answer and nothing else."""
        self.models.behave(key=KEYS[0], **rule)
        answer = self.ask(relay, path)
        self.assertEqual((answer.status, answer.ended), (200, "complete"))
        self.assertIsNone(answer.get("x-proxy-error"))
        self.assertEqual(self.used(), list(KEYS[:2]))
        line = relay.wait_for_log()[0]
        self.assertEqual((line["attempts"], line["key"], line["outcome"]),
                         (2, masked(KEYS[1]), "ok"))
        self.assertEqual(self.states(relay)[masked(KEYS[0])], state)
        self.assertEqual(self.states(relay)[masked(KEYS[1])], "ready")

    def recovered(self, relay: Relay, path: str) -> None:
        """Visible in the metrics, and the key is used again."""
        self.wait_for_state(relay, KEYS[0], "ready")
        self.models.reset()
        for _ in range(4):
            self.assertEqual(self.ask(relay, path).status, 200)
        self.assertIn(KEYS[0], self.used())

    # Each of these pools rests an hour where the answer says nothing: what recovers in seconds
    # followed the answer.
    def test_retry_after_rests_a_key(self):
        for name, path in PATHS.items():
            with self.subTest(dialect=name):
                self.models.reset()
                relay = self.relay(KEYS[:2], name, rest="1h")
                self.failing_over(relay, path, "resting", status=429, retry_after=1,
                                  times=1)
                self.recovered(relay, path)

    def test_openais_reset_headers_rest_a_key(self):
        relay = self.relay(KEYS[:2], rest="1h")
        self.failing_over(relay, asking.CHAT, "resting", status=429, retry_after=1,
                          drop_headers=["retry-after", "retry-after-ms"], times=1)
        self.recovered(relay, asking.CHAT)

    def test_anthropics_reset_headers_rest_a_key(self):
        relay = self.relay(KEYS[:2], "anthropic", rest="1h")
        self.failing_over(relay, asking.MESSAGES, "resting", status=429, retry_after=2,
                          drop_headers=["retry-after"], times=1)
        self.recovered(relay, asking.MESSAGES)

    def test_a_429_without_a_time_rests_as_configured(self):
        relay = self.relay(KEYS[:2], rest="400ms")
        self.failing_over(relay, asking.CHAT, "resting", status=429, times=1)
        self.recovered(relay, asking.CHAT)

    def test_401_and_403_isolate_a_key(self):
        for status, code in ((401, None), (403, "account_deactivated")):
            with self.subTest(status=status):
                self.models.reset()
                relay = self.relay(KEYS[:2], isolation="600ms")
                self.failing_over(relay, asking.CHAT, "isolated", status=status, error_code=code,
                                  times=1)
                # It is over with a request that succeeds, not with the time alone.
                relay.wait_for_metric(lambda m: self.ask(relay).status == 200 and m.sum(
                    "culvert_keys", key=masked(KEYS[0]), state="ready") == 1)
                self.recovered(relay, asking.CHAT)
                self.assertIn("key recovered", [line["msg"] for line in relay.log])

    def test_the_key_metric_counts_by_result(self):
        relay = self.relay(KEYS[:3], isolation="1h", rest="1h")
        self.models.behave(key=KEYS[0], status=429)
        self.models.behave(key=KEYS[1], status=401)
        for _ in range(3):
            self.ask(relay)
        metrics = relay.wait_for_metric(lambda m: m.sum(
            "culvert_key_requests_total", key=masked(KEYS[2])) == 3)
        self.assertEqual(metrics.sum("culvert_key_requests_total", key=masked(KEYS[0])), 1)
        self.assertEqual(metrics.sum("culvert_key_requests_total", key=masked(KEYS[1])), 1)

    def test_a_429_stays_one_where_the_body_cannot_be_sent_again(self):
        config = settings.resources(
            settings.relay(auth_tokens=[TOKEN], limits={"replay_bytes": 0}),
            settings.upstream("openai", self.models.url), settings.pool("openai", KEYS[:1]))
        relay = Relay.for_test(self, config=config)
        self.models.behave(key=KEYS[0], status=429, retry_after=30)
        answer = exchange(relay.http, asking.post(key=TOKEN))
        self.assertEqual(answer.status, 429)
        self.assertIn(int(answer.get("retry-after")), range(28, 31))

    def test_the_log_times_the_answer_of_the_key_that_gave_it(self):
        relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": self.models.url, "AUTH_TOKEN": TOKEN,
                                      "OPENAI_API_KEYS": ",".join(KEYS)})
        self.models.behave(key=KEYS[0], status=429, retry_after=30)
        self.models.behave(key=KEYS[1], delay_ms=300)
        self.assertEqual(exchange(relay.http, asking.post(key=TOKEN)).status, 200)
        line = relay.wait_for_log(lambda found: found.get("attempts") == 2)[0]
        self.assertGreaterEqual(line["first_byte_ms"], 300)

    def test_all_resting_is_429_with_the_soonest_time(self):
        for name, path in PATHS.items():
            with self.subTest(dialect=name):
                self.models.reset()
                relay = self.relay(KEYS[:3], name)
                for key, seconds in zip(KEYS, (3000, 1000, 2000)):
                    self.models.behave(key=key, status=429, retry_after=seconds)
                answers = [self.ask(relay, path) for _ in range(3)]
                for answer in answers:
                    self.assertEqual((answer.status, answer.ended), (429, "complete"))
                    self.assertEqual(answer.get("x-proxy-error"), "true")
                    self.assertTrue(900 < int(answer.get("retry-after")) <= 1000, answer.headers)
                    self.assertIn("error", json.loads(answer.body))
                self.assertEqual(Counter(self.used()), Counter(KEYS[:3]))  # each asked once
                self.assertEqual(set(self.states(relay).values()), {"resting"})

    def test_all_isolated_is_503(self):
        relay = self.relay(KEYS[:2], isolation="1h")
        self.models.behave(status=401)
        for _ in range(3):
            answer = self.ask(relay)
            self.assertEqual((answer.status, answer.get("x-proxy-error")), (503, "true"))
            self.assertGreater(int(answer.get("retry-after")), 0)
        self.assertEqual(Counter(self.used()), Counter(KEYS[:2]))

    def test_resting_and_isolated_together_is_503(self):
        """429 says that every key is rate-limited; the time is that of the one that rests."""
        relay = self.relay(KEYS[:2], isolation="1h")
        self.models.behave(key=KEYS[0], status=401)
        self.models.behave(key=KEYS[1], status=429, retry_after=500)
        answer = self.ask(relay)
        self.assertEqual(answer.status, 503)
        self.assertTrue(400 < int(answer.get("retry-after")) <= 500)

    def test_errors_of_the_request_pass_unchanged_and_at_once(self):
        relay = self.relay()
        for status in (400, 404, 413, 501):
            with self.subTest(status=status):
                self.models.reset()
                self.models.behave(status=status)
                answer = self.ask(relay)
                self.assertEqual((answer.status, answer.get("x-proxy-error")), (status, None))
                self.assertEqual(len(self.used()), 1)
        self.assertEqual(set(self.states(relay).values()), {"ready"})

    def impatient(self, **retry) -> Relay:
        """One whose pauses are short."""
        return Relay.for_test(self, config=settings.resources(
            settings.relay(auth_tokens=[TOKEN], workers=1),
            settings.upstream("openai", self.models.url, retry={"backoff": "1ms", **retry}),
            settings.pool("openai", KEYS[:3])))

    def test_errors_of_the_upstream_pass_unchanged_when_the_tries_are_used_up(self):
        """Four in all by default; no key is the worse for it."""
        for status in (500, 502, 503, 504, 529):
            with self.subTest(status=status):
                self.models.reset()
                self.models.behave(status=status)
                relay = self.impatient()
                answer = self.ask(relay)
                self.assertEqual((answer.status, answer.get("x-proxy-error")), (status, None))
                self.models.wait(ended=4)
                self.assertEqual(len(self.used()), 4)
                self.assertEqual(relay.wait_for_log()[0]["attempts"], 4)
                self.assertEqual(set(self.states(relay).values()), {"ready"})

    def test_a_callers_single_key_gets_the_vendors_own_refusal(self):
        """401 and 403 at once: no other try would end otherwise."""
        relay = self.relay()
        for status in (401, 403):
            with self.subTest(status=status):
                self.models.reset()
                self.models.behave(status=status)
                answer = self.ask(relay, key="sk-own-key-0123456789")
                self.assertEqual((answer.status, answer.get("x-proxy-error")), (status, None))
                self.assertEqual(len(self.used()), 1)

    def test_a_callers_single_key_that_is_rate_limited_is_tried_again(self):
        """With the same key, as often as the policy says; then the vendor's refusal passes."""
        own = "sk-own-key-0123456789"
        for attempts in (1, 2, 4):
            with self.subTest(attempts=attempts):
                self.models.reset()
                self.models.behave(status=429)
                answer = self.ask(self.impatient(attempts=attempts), key=own)
                self.assertEqual((answer.status, answer.get("x-proxy-error")), (429, None))
                self.models.wait(ended=attempts)
                self.assertEqual(self.used(), [own] * attempts)

    def test_a_wait_that_is_longer_than_a_request_may_take_is_not_begun(self):
        """The caller is told instead how long it is."""
        own = "sk-own-key-0123456789"
        for within, calls in (("500ms", 1), ("60s", 2)):
            with self.subTest(within=within):
                self.models.reset()
                self.models.behave(status=429, retry_after=1, times=1)
                answer = self.ask(self.impatient(within=within), key=own)
                self.assertEqual(answer.status, 429 if calls == 1 else 200)
                self.assertEqual(answer.get("retry-after"), "1" if calls == 1 else None)
                self.models.wait(ended=calls)
                self.assertEqual(self.used(), [own] * calls)

    def test_the_body_goes_up_whole_with_the_next_key(self):
        relay = self.relay(KEYS[:2])
        self.models.behave(key=KEYS[0], status=429)
        body = asking.chat("x" * 200_000)
        self.assertEqual(self.ask(relay, body=body).status, 200)
        self.models.wait(ended=2)
        first, second = self.models.requests()
        self.assertEqual(first["body_sha256"], second["body_sha256"])
        self.assertEqual(second["body_bytes"], len(json.dumps(body)))

    def test_a_body_too_large_to_keep_goes_up_once(self):
        """The refused key rests all the same, so that the next request does better."""
        relay = self.relay(KEYS[:2], limits={"replay_bytes": "64KiB"}, rest="1h")
        self.models.behave(key=KEYS[0], status=429)
        body = asking.chat("y" * 1_000_000)
        answer = self.ask(relay, body=body)
        self.assertEqual(answer.get("x-proxy-error"), "true")
        self.assertIn(answer.status, (429, 503))
        self.assertEqual(self.used(), [KEYS[0]])
        self.assertEqual(self.ask(relay, body=body).status, 200)
        self.models.wait(ended=2)
        self.assertEqual(self.used(), list(KEYS[:2]))
        self.assertEqual(self.models.requests()[1]["body_bytes"], len(json.dumps(body)))


class Shared(Pools):
    def many(self, relay: Relay, count: int) -> None:
        """Each on a connection of its own, so that all workers get some."""
        with ThreadPoolExecutor(16) as clients:
            answers = list(clients.map(lambda _: self.ask(relay), range(count)))
        self.assertEqual({answer.status for answer in answers}, {200})

    def test_workers_share_what_they_know_of_keys(self):
        relay = self.relay(KEYS[:3], workers=2, isolation="1h", rest="1h")
        self.models.behave(key=KEYS[0], status=401)
        self.models.behave(key=KEYS[1], status=429)
        for _ in range(3):
            self.ask(relay)
        self.many(relay, 120)
        self.assertEqual(Counter(self.used()), {KEYS[0]: 1, KEYS[1]: 1, KEYS[2]: 123})

    def test_what_is_known_survives_a_reload(self):
        relay = self.relay(KEYS[:3], workers=2, isolation="1h", rest="1h")
        self.models.behave(key=KEYS[0], status=401)
        self.models.behave(key=KEYS[1], status=429)
        for _ in range(3):
            self.ask(relay)
        relay.sighup()
        relay.wait_for_message("reloaded")
        self.many(relay, 40)
        relay.write_config(self.config.replace(json.dumps(KEYS[2]),
                                               json.dumps(KEYS[2]) + ", " + json.dumps(KEYS[3])))
        relay.sighup()
        relay.wait_for_message("reloaded", 2)
        self.many(relay, 40)
        used = Counter(self.used())
        self.assertEqual((used[KEYS[0]], used[KEYS[1]]), (1, 1))
        self.assertGreater(used[KEYS[3]], 0)
        self.assertEqual(self.states(relay), {masked(KEYS[0]): "isolated", masked(KEYS[1]):
                                              "resting", masked(KEYS[2]): "ready",
                                              masked(KEYS[3]): "ready"})


class Repeated(unittest.TestCase):
    """What happens to a request on a pooled connection that the upstream ends."""

    def dialogue(self, second, rest, **spec) -> tuple[RawUpstream, Relay]:
        """The first connection answers a request and does `second` to the next; others `rest`.
        `spec` is the upstream's."""
        def first(connection):
            connection.recv_request()
            connection.answer("first")
            second(connection)

        upstream = self.enterContext(RawUpstream([first, rest]))
        relay = Relay.for_test(self, config=settings.resources(
            settings.relay(workers=1), settings.upstream("openai", upstream.url, **spec)))
        with RawClient(relay.http) as client:
            client.send(asking.get("/openai/v1/models"))
            self.assertEqual(client.read_response().body, b"first")
        return upstream, relay

    @staticmethod
    def after_the_head(end: str):
        def second(connection):
            connection.recv_head()
            connection.rst() if end == "rst" else connection.close()
        return second

    @staticmethod
    def answering(connection) -> None:
        connection.recv_request()
        connection.answer("again")
        connection.recv_end()

    def sends(self, upstream: RawUpstream, method: bytes) -> int:
        return sum(c.received.count(method + b" /v1/") for c in upstream.connections)

    def test_a_post_whose_bytes_arrived_is_sent_once(self):
        """Several resets, because each may or may not overtake the acknowledgement."""
        for end in ("fin", *["rst"] * 8):
            with self.subTest(end=end):
                upstream, relay = self.dialogue(self.after_the_head(end), self.answering)
                answer = exchange(relay.http, asking.post())
                self.assertEqual((answer.status, answer.get("x-proxy-error")), (502, "true"))
                self.assertEqual(self.sends(upstream, b"POST"), 1)
                line = relay.wait_for_log(lambda found: found["method"] == "POST")[0]
                self.assertEqual((line["attempts"], line["reused"], line["outcome"]),
                                 (1, True, "upstream_error"))

    def test_a_get_is_repeated_once(self):
        for end in ("fin", "rst"):
            with self.subTest(end=end):
                upstream, relay = self.dialogue(self.after_the_head(end), self.answering)
                answer = exchange(relay.http, asking.get("/openai/v1/models"))
                self.assertEqual((answer.status, answer.body), (200, b"again"))
                self.assertEqual(self.sends(upstream, b"GET"), 3)
                line = relay.wait_for_log(count=2)[1]
                self.assertEqual((line["attempts"], line["reused"]), (2, False))

    def test_the_fresh_connection_is_beside_the_tries_that_are_allowed(self):
        """The pooled one, and then as many as `attempts` says, each on a connection of its own."""
        for attempts in (1, 2):
            with self.subTest(attempts=attempts):
                upstream, relay = self.dialogue(
                    self.after_the_head("rst"), self.after_the_head("rst"),
                    retry={"attempts": attempts, "backoff": "1ms"})
                answer = exchange(relay.http, asking.get("/openai/v1/models"))
                self.assertEqual((answer.status, answer.get("x-proxy-stage")), (502, "first_byte"))
                self.assertEqual(self.sends(upstream, b"GET"), 1 + 1 + attempts)

    def test_what_fails_on_a_fresh_connection_is_repeated_where_nothing_can_happen_twice(self):
        for request, method, sends in ((asking.get("/openai/v1/models"), b"GET", 4),
                                       (asking.post(), b"POST", 1)):
            with self.subTest(method=method):
                with RawUpstream(self.after_the_head("rst")) as upstream:
                    relay = Relay.for_test(self, config=settings.resources(settings.upstream(
                        "openai", upstream.url, retry={"backoff": "1ms"})))
                    self.assertEqual(exchange(relay.http, request).status, 502)
                    self.assertEqual(self.sends(upstream, method), sends)

    def test_a_connection_that_died_while_idle_is_never_used(self):
        """The answer and the end of the connection come in one segment: whoever looks before the
        next use sees it. A POST on it would fail, so none may."""
        def script(connection):
            connection.recv_request()
            body = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            connection.socket.send(body, socket.MSG_MORE)
            connection.fin()  # goes with the bytes that wait for it
            connection.recv_end()

        upstream = self.enterContext(RawUpstream(script))
        relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": upstream.url, "CULVERT_WORKERS": "1"})
        with RawClient(relay.http) as client:
            for _ in range(100):
                client.send(asking.post())
                answer = client.read_response("POST")
                self.assertEqual((answer.status, answer.body), (200, b"ok"))
        self.assertEqual(len(upstream.connections), 100)

    def test_a_connection_that_speaks_out_of_turn_is_never_used(self):
        """Bytes behind an answer would be read as the next one's (response splitting)."""
        def script(connection):
            connection.recv_request()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            connection.recv_end()

        upstream = self.enterContext(RawUpstream(script))
        relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": upstream.url, "CULVERT_WORKERS": "1"})
        for _ in range(20):
            answer = exchange(relay.http, asking.post())
            self.assertEqual((answer.status, answer.body), (200, b"ok"))

    def test_idle_ends_of_every_kind_fail_no_request(self):
        """The pool has noticed by the time of the next request."""
        models = self.enterContext(Models())
        relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": models.url, "CULVERT_WORKERS": "1"})
        count = 0
        for how in ("fin", "rst"):
            for _ in range(10):
                models.behave(after_answer=how, times=1)
                self.assertEqual(exchange(relay.http, asking.post()).status, 200)
                count += 1
                models.wait(connections_over=count)
                models.behave_well()
        lines = relay.wait_for_log(count=count)
        self.assertEqual({(x["attempts"], x["reused"], x["outcome"]) for x in lines},
                         {(1, False, "ok")})

    def test_a_living_connection_is_used_again(self):
        models = self.enterContext(Models())
        relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": models.url, "CULVERT_WORKERS": "1"})
        for _ in range(10):
            self.assertEqual(exchange(relay.http, asking.post()).status, 200)
        self.assertEqual(len(models.connections()), 1)
        metrics = relay.metrics()
        self.assertEqual(metrics.sum("culvert_upstream_connections_total", kind="reused"), 9)
        self.assertEqual(metrics.sum("culvert_upstream_connections_total", kind="new"), 1)


class Ways(unittest.TestCase):
    """Targets and routes: the base path of each upstream says where a request went."""

    @classmethod
    def setUpClass(cls):
        cls.models = Models()
        cls.addClassCleanup(cls.models.close)

    def setUp(self):
        self.models.reset()

    def base(self, name: str) -> str:
        return f"{self.models.url}/{name}"

    def went(self) -> Counter:
        return Counter(seen["path"].split("/")[1] for seen in self.models.requests())

    def test_targets_by_weight(self):
        config = settings.resources(settings.relay(), settings.upstream(
            "openai", {"url": self.base("heavy"), "weight": 3}, {"url": self.base("light")},
            {"url": self.base("none"), "weight": 0}))
        relay = Relay.for_test(self, config=config)
        with RawClient(relay.http) as client:
            for _ in range(200):
                client.send(asking.get("/openai/v1/models"))
                self.assertEqual(client.read_response().status, 200)
        went = self.went()
        print(f"\n  200 requests, weights 3:1:0: {dict(went)}", flush=True)
        self.assertEqual(sum(went.values()), 200)
        self.assertEqual(went["none"], 0)
        self.assertTrue(100 < went["heavy"] < 200, went)

    def test_targets_from_the_environment(self):
        relay = Relay.for_test(self, {
            "PROXY_OWN_NAME_TARGET": f"{self.base('one')},{self.base('two')}"})
        for _ in range(40):
            exchange(relay.http, asking.get("/own_name/v1/models"))
        self.assertEqual(set(self.went()), {"one", "two"})

    def routes(self, *routes: str, **spec) -> Relay:
        upstreams = [settings.upstream(name, self.base(name), dialect="openai")
                     for name in ("one", "two", "three")]
        return Relay.for_test(self, config=settings.resources(
            settings.relay(**spec), settings.upstream("openai", self.base("preset")), *upstreams,
            *routes))

    def ask(self, relay: Relay, request: bytes) -> str:
        """Where it went, and with what path."""
        self.models.reset()
        answer = exchange(relay.http, request)
        seen = self.models.requests()
        return seen[0]["target"] if seen else f"{answer.status}"

    def test_models(self):
        relay = self.routes(
            settings.route("exact", "one", match={"models": ["special"]}),
            settings.route("pattern", "two", match={"models": ["llama-*", "*-mini"]}))
        for model, base in (("special", "one"), ("specially", "preset"), ("llama-9", "two"),
                            ("gpt-mini", "two"), ("mini", "preset")):
            with self.subTest(model=model):
                target = self.ask(relay, asking.post(body=asking.chat() | {"model": model}))
                self.assertEqual(target.split("/")[1], base, target)
        line = relay.wait_for_log(lambda found: found.get("model") == "llama-9")[0]
        self.assertEqual((line["route"], line["upstream"], line["mode"]),
                         ("pattern", "two", "route"))

    def test_the_alias_is_taken_off_also_behind_a_route_without_a_prefix(self):
        relay = self.routes(
            settings.route("model", "one", match={"models": ["special"]}),
            settings.route("host", "two", match={"hosts": ["two.example"]}))
        special = asking.chat() | {"model": "special"}
        for path in ("/openai/v1/chat/completions", "/api/openai/v1/chat/completions"):
            self.assertEqual(self.ask(relay, asking.post(path, special)),
                             "/one/v1/chat/completions")
        self.assertEqual(self.ask(relay, asking.get("/openai/v1/models?a=b", host="two.example")),
                         "/two/v1/models?a=b")
        self.assertEqual(self.ask(relay, asking.post("/v1/chat/completions", special)),
                         "/one/v1/chat/completions")

    def test_what_a_client_sends_to_a_host_of_its_own_is_no_routes_business(self):
        relay = self.routes(settings.route("all", "one", match={"models": ["*"]}),
                            settings.route("any", "two", match={}),
                            auth_tokens=[TOKEN], generic_allow=["127.0.0.0/8"])
        there = self.models.url.removeprefix("http://")
        path = f"/{TOKEN}/http/{there}/own/v1/chat/completions"
        self.assertEqual(self.ask(relay, asking.post(path)), "/own/v1/chat/completions")

    def test_a_route_by_model_says_itself_whether_it_wants_a_token(self):
        relay = self.routes(settings.route("free", "one", match={"models": ["free"]}, auth=False),
                            settings.route("paid", "two", match={"models": ["paid"]}, auth=True),
                            auth_tokens=[TOKEN], preset_auth=True)
        path = "/v1/chat/completions"
        free, paid = (asking.chat() | {"model": name} for name in ("free", "paid"))
        self.assertEqual(self.ask(relay, asking.post(path, free)), "/one" + path)
        answer = exchange(relay.http, asking.post(path, paid))
        self.assertEqual(answer.status, 401)
        self.assertIn("error", json.loads(answer.body))
        self.assertEqual(self.ask(relay, asking.post(path, paid, key=TOKEN)), "/two" + path)

    def test_a_model_is_looked_for_whatever_can_be_kept(self):
        relay = self.routes(settings.route("late", "one", match={"models": ["late"]}),
                            limits={"replay_bytes": 0})
        near = {"messages": [{"role": "user", "content": "z" * 100_000}], "model": "late"}
        self.assertTrue(self.ask(relay, asking.post(body=near)).startswith("/one/"))
        far = {"messages": [{"role": "user", "content": "z" * 1_000_000}], "model": "late"}
        self.assertEqual(self.ask(relay, asking.post(body=far)), "413")

    def test_a_model_far_into_the_body_is_found(self):
        relay = self.routes(settings.route("late", "one", match={"models": ["late"]}))
        body = {"messages": [{"role": "user", "content": "z" * 300_000 + '"model": "early"'}],
                "model": "late"}
        self.assertTrue(self.ask(relay, asking.post(body=body)).startswith("/one/"))
        self.models.wait(ended=1)
        self.assertEqual(self.models.requests()[0]["body_bytes"], len(json.dumps(body)))

    def test_hosts(self):
        relay = self.routes(
            settings.route("named", "one", match={"hosts": ["api.example.com"]}),
            settings.route("wild", "two", match={"hosts": ["*.example.org"]}))
        for host, base in (("api.example.com", "one"), ("API.example.com:8443", "one"),
                           ("x.example.org", "two"), ("a.b.example.org", "two"),
                           ("elsewhere.example", "preset")):
            with self.subTest(host=host):
                target = self.ask(relay, asking.get("/openai/v1/models", host=host))
                self.assertEqual(target.split("/")[1], base, target)

    def test_headers(self):
        relay = self.routes(
            settings.route("exact", "one", match={"headers": {"x-team": "blue"}}),
            settings.route("present", "two", match={"headers": {"X-Team": "*"}}),
            settings.route("both", "three", match={"headers": {"x-team": "blue", "x-b": "*"}}))
        for fields, base in (("X-Team: blue\r\n", "one"), ("x-team: red\r\n", "two"),
                             ("", "preset"), ("x-team: blue\r\nX-B: 1\r\n", "three")):
            with self.subTest(fields=fields):
                target = self.ask(relay, asking.get("/openai/v1/models", fields=fields))
                self.assertEqual(target.split("/")[1], base, target)

    def test_prefixes_and_their_rewriting(self):
        relay = self.routes(
            settings.route("kept", "one", match={"path_prefix": "/team"}),
            settings.route("longer", "two", match={"path_prefix": "/team/blue"},
                           rewrite_prefix="/v1"),
            settings.route("root", "three", match={"path_prefix": "/bare"}, rewrite_prefix=""))
        for path, target in (("/team/v1/models?a=%20b", "/one/team/v1/models?a=%20b"),
                             ("/team/blue/models", "/two/v1/models"),
                             ("/team/bluest/models", "/one/team/bluest/models"),
                             ("/team", "/one/team"),
                             ("/bare/v1/models?x=/bare", "/three/v1/models?x=/bare"),
                             ("/teams/v1/models", "404")):
            with self.subTest(path=path):
                self.assertEqual(self.ask(relay, asking.get(path)), target)

    def test_weighted_destinations(self):
        relay = self.routes(settings.route("split", {"one": 1, "two": 1, "three": 0},
                                           match={"path_prefix": "/split"}))
        with RawClient(relay.http) as client:
            for _ in range(60):
                client.send(asking.get("/split/v1/models"))
                client.read_response()
        self.assertEqual(set(self.went()), {"one", "two"})

    def test_headers_allowed_and_set(self):
        relay = self.routes(
            settings.upstream("marked", self.base("marked"), dialect="openai",
                              headers={"allow": ["x-wanted"], "set": {"X-Fixed": "upstream",
                                                                      "X-Both": "upstream"}}),
            settings.route("rules", "marked", match={"path_prefix": "/rules"}, rewrite_prefix="",
                           headers={"allow": ["x-asked"], "set": {"X-Both": "route"}}))
        fields = ("X-Wanted: 1\r\nX-Asked: 2\r\nX-Other: 3\r\nX-Fixed: client\r\n"
                  "X-Forwarded-For: 1.2.3.4\r\n")
        self.ask(relay, asking.get("/rules/v1/models", fields=fields))
        sent = {name.lower(): value for name, value in self.models.requests()[0]["headers"]}
        self.assertEqual((sent.get("x-wanted"), sent.get("x-asked")), ("1", "2"))
        self.assertEqual((sent.get("x-fixed"), sent.get("x-both")), ("upstream", "route"))
        self.assertNotIn("x-other", sent)
        self.assertNotIn("x-forwarded-for", sent)

    def test_a_route_demands_a_token_where_it_says_so(self):
        relay = self.routes(
            settings.route("closed", "one", match={"path_prefix": "/closed"}, auth=True),
            settings.route("open", "two", match={"path_prefix": "/open"}, auth=False),
            auth_tokens=[TOKEN])
        self.assertEqual(self.ask(relay, asking.get("/closed/v1/models")), "401")
        self.assertEqual(self.ask(relay, asking.get("/open/v1/models")), "/two/open/v1/models")
        self.assertEqual(self.ask(relay, asking.get("/closed/v1/models", fields=BY_TOKEN)),
                         "/one/closed/v1/models")

    def test_a_routes_pool_pays_for_its_upstream(self):
        relay = self.routes(
            settings.pool("one", KEYS[:1]), auth_tokens=[TOKEN], preset_auth=True)
        self.ask(relay, asking.get("/one/v1/models", key=None, fields=BY_TOKEN))
        self.assertEqual(self.models.requests()[0]["key"], KEYS[0])


if __name__ == "__main__":
    unittest.main()
