# Keys that are tested: by /verify for whoever asks, and in the background for those of a pool that
# were refused. What the upstream sees of it, and what nobody may.
import hashlib
import json
import tempfile
import time
import unittest

from tests.fakes import certs
from tests.fakes.models import Models
from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.relay import Relay
from tests.integration.fetch.support import Nginx, program
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN, masked

KEYS = tuple(f"sk-test-{n}-{'0123456789' * 2}-{n}end" for n in range(12))
BY_TOKEN = f"X-Culvert-Token: {TOKEN}\r\n"
CHECKS = {"openai": "/v1/models", "anthropic": "/v1/models?limit=1",
          "gemini": "/v1beta/models?pageSize=1"}


def events(body: bytes) -> list[dict]:
    return [json.loads(line) for line in asking.data_lines(body)]


class Tests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = Models()
        cls.addClassCleanup(cls.models.close)

    def setUp(self):
        self.models.reset()

    def relay(self, *more: str, **spec) -> Relay:
        """Strangers are let in unless `spec` says otherwise."""
        ups = [settings.upstream(name, self.models.url) for name in CHECKS]
        return Relay.for_test(self, config=settings.resources(
            settings.relay(**{"workers": 1, "auth_tokens": [TOKEN], **spec}), *ups, *more))

    def verify(self, relay: Relay, fields: str = "", query: str = "", method: str = "GET",
               body: bytes = b""):
        length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        return exchange(relay.http, f"{method} /verify{query} HTTP/1.1\r\nHost: r\r\n{fields}"
                                    f"{length}\r\n".encode() + body)

    def said(self, answer) -> dict:
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.get("content-type"), "text/event-stream; charset=utf-8")
        return {event["key"]: event["status"] for event in events(answer.body)}


class Answers(Tests):
    def test_each_dialect_with_its_cheap_call(self):
        relay = self.relay()
        for name, path in CHECKS.items():
            with self.subTest(dialect=name):
                self.models.reset()
                answer = self.verify(relay, f"x-api-key: {KEYS[0]}\r\n", f"?upstream={name}")
                self.assertEqual(events(answer.body), [
                    {"key": masked(KEYS[0]), "upstream": name, "status": "GOOD"}])
                [seen] = self.models.requests()
                self.assertEqual((seen["method"], seen["target"], seen["key"]),
                                 ("GET", path, KEYS[0]))

    def test_the_usual_upstream_is_gemini(self):
        answer = self.verify(self.relay(), query=f"?key={KEYS[0]}")
        self.assertEqual(events(answer.body)[0]["upstream"], "gemini")

    def test_what_becomes_of_each_key(self):
        relay = self.relay()
        rules = [(KEYS[0], 401, "invalid_api_key"), (KEYS[1], 401, "account_deactivated"),
                 (KEYS[2], 429, "insufficient_quota"), (KEYS[3], 429, None), (KEYS[4], 500, None),
                 (KEYS[5], 403, "unsupported_country_region_territory")]
        for key, status, code in rules:
            self.models.behave(key=key, path="*/models", status=status, error_code=code)
        answer = self.verify(relay, f"Authorization: Bearer {','.join(KEYS[:7])}\r\n{BY_TOKEN}",
                             "?upstream=openai")
        self.assertEqual(self.said(answer), {
            masked(KEYS[0]): "BAD", masked(KEYS[1]): "BAD", masked(KEYS[2]): "BAD",
            masked(KEYS[3]): "ERROR", masked(KEYS[4]): "ERROR", masked(KEYS[5]): "ERROR",
            masked(KEYS[6]): "GOOD"})
        by_key = {event["key"]: event.get("error") for event in events(answer.body)}
        self.assertEqual(by_key[masked(KEYS[3])], "rate limited")
        self.assertIsNone(by_key[masked(KEYS[6])])
        for key in KEYS[:7]:
            self.assertNotIn(key, answer.body.decode())

    def test_gemini_says_bad_with_400(self):
        relay = self.relay()
        self.models.behave(key=KEYS[0], status=400)
        answer = self.verify(relay, query=f"?key={KEYS[0]},{KEYS[1]}")
        self.assertEqual(self.said(answer), {masked(KEYS[0]): "BAD", masked(KEYS[1]): "GOOD"})

    def test_an_upstream_that_is_not_there(self):
        config = settings.resources(settings.relay(auth_tokens=[TOKEN]),
                                    settings.upstream("openai", "http://127.0.0.1:1"))
        relay = Relay.for_test(self, config=config)
        answer = self.verify(relay, f"x-api-key: {KEYS[0]}\r\n{BY_TOKEN}", "?upstream=openai")
        [event] = events(answer.body)
        self.assertEqual(event["status"], "ERROR")
        self.assertTrue(event["error"])

    def test_events_come_in_the_order_of_completion(self):
        relay = self.relay()
        self.models.behave(key=KEYS[0], stall="head", times=1)
        with RawClient(relay.http) as client:
            client.send(f"GET /verify?upstream=openai HTTP/1.1\r\nHost: r\r\n{BY_TOKEN}"
                        f"x-api-key: {','.join(KEYS[:3])}\r\n\r\n".encode())
            client.read_head()
            first = {json.loads(client.read_chunk()[6:])["key"] for _ in range(2)}
            self.assertEqual(first, {masked(KEYS[1]), masked(KEYS[2])})
            self.models.release()
            self.assertEqual(json.loads(client.read_chunk()[6:])["key"], masked(KEYS[0]))

    def test_few_at_a_time(self):
        relay = self.relay()
        self.models.behave(stall="head", times=8)
        with RawClient(relay.http) as client:
            client.send(f"GET /verify?upstream=openai HTTP/1.1\r\nHost: r\r\n{BY_TOKEN}"
                        f"x-api-key: {','.join(KEYS)}\r\n\r\n".encode())
            self.models.wait(stalled_now=8)
            self.assertEqual(len(self.models.requests()), 8)
            self.models.release()
            answer = client.read_response()
            self.assertEqual(len(events(answer.body)), 12)

    def test_who_leaves_stops_the_calls(self):
        relay = self.relay()
        self.models.behave(stall="head")
        with RawClient(relay.http) as client:
            client.send(f"GET /verify?upstream=openai HTTP/1.1\r\nHost: r\r\n{BY_TOKEN}"
                        f"x-api-key: {','.join(KEYS)}\r\n\r\n".encode())
            self.models.wait(stalled_now=8)
        self.models.wait(connections_over=8)
        self.assertEqual(len(self.models.requests()), 8)
        line = relay.wait_for_log(lambda found: found.get("path") == "/verify")[0]
        self.assertEqual(line["outcome"], "aborted")

    def test_bodies(self):
        relay = self.relay()
        for body in ("\n".join(KEYS[:3]).encode(), json.dumps({"keys": KEYS[:3]}).encode(),
                     json.dumps(KEYS[:3]).encode()):
            with self.subTest(body=body):
                answer = self.verify(relay, BY_TOKEN, "?upstream=openai", "POST", body)
                self.assertEqual(self.said(answer), {masked(key): "GOOD" for key in KEYS[:3]})

    def test_refusals(self):
        relay = self.relay()
        key = f"x-api-key: {KEYS[0]}\r\n"
        for status, arguments in (
                (405, {"fields": key, "method": "DELETE"}),
                (404, {"fields": key, "query": "?upstream=nobody"}),
                (400, {"fields": key, "query": "?upstream=telegram"}),
                (400, {"fields": BY_TOKEN}),
                (400, {"fields": "x-api-key: two words\r\n"}),
                (400, {"fields": BY_TOKEN, "method": "POST", "body": b"{"}),
                (413, {"fields": BY_TOKEN, "method": "POST", "body": b"k\n" * 50_000}),
                (401, {"fields": key + "X-Culvert-Token: wrong-token-0123456789\r\n"})):
            with self.subTest(status=status, arguments=str(arguments)[:80]):
                answer = self.verify(relay, **arguments)
                self.assertEqual(answer.status, status, answer.body)
                self.assertEqual(answer.get("x-proxy-error"), "true")
        self.assertEqual(self.models.requests(), [])


class Ways(Tests):
    """A test leaves as a request of that key would: from its address, by the upstream's ways."""

    def test_a_bound_key_is_tested_from_its_address(self):
        """Refused first, so that the prober tests it at the upstream."""
        ids = [hashlib.sha256(key.encode()).hexdigest()[:12] for key in KEYS[:2]]
        for strategy in ("socket", "fetch"):
            with self.subTest(strategy=strategy):
                self.models.reset()
                self.models.behave(key=KEYS[0], status=401, times=1)
                relay = Relay.for_test(self, config=settings.resources(
                    settings.relay(workers=1, auth_tokens=[TOKEN]),
                    settings.upstream("openai", self.models.url, strategies=[strategy]),
                    settings.pool("openai", KEYS[:2], isolation="4s",
                                  bind=[{"address": "127.0.0.2", "keys": ids[:1]},
                                        {"address": "127.0.0.3", "keys": ids[1:]}])))
                post = asking.post(key=None, fields=BY_TOKEN)
                self.assertEqual(exchange(relay.http, post).status, 200)
                relay.wait_for_message("pool has more keys again")
                from_where = {seen["connection"]: seen for seen in self.models.requests()
                              if seen["method"] == "GET"}
                peers = {one["number"]: one["peer"][0] for one in self.models.connections()}
                self.assertEqual([(seen["key"], peers[number])
                                  for number, seen in from_where.items()],
                                 [(KEYS[0], "127.0.0.2")])

    @unittest.skipUnless(program("nginx"), "nginx is not installed")
    def test_by_the_first_strategy(self):
        """Only fetch speaks HTTP/2, which nginx takes where it is offered."""
        for strategies, protocol in ((["fetch"], "HTTP/2.0"), (["socket", "fetch"], "HTTP/1.1")):
            with self.subTest(strategies=strategies):
                nginx = Nginx(self, self.enterContext(tempfile.TemporaryDirectory()),
                              self.models.port)
                relay = Relay.for_test(
                    self, env={"SSL_CERT_FILE": certs.authority().ca_file},
                    config=settings.resources(
                        settings.relay(workers=1, auth_tokens=[TOKEN]),
                        settings.upstream("openai", f"https://localhost:{nginx.port}",
                                          strategies=strategies)))
                answer = self.verify(relay, f"x-api-key: {KEYS[0]}\r\n{BY_TOKEN}",
                                     "?upstream=openai")
                self.assertEqual(self.said(answer), {masked(KEYS[0]): "GOOD"})
                self.assertEqual([line.split("|")[:3] for line in nginx.seen(1)],
                                 [[protocol, "GET", "/v1/models"]])


class Strangers(Tests):
    def test_they_may_ask_little(self):
        relay = self.relay(verify={"keys_per_minute": 3})
        self.assertEqual(self.verify(relay, query=f"?key={','.join(KEYS[:2])}").status, 200)
        refused = self.verify(relay, query=f"?key={','.join(KEYS[:2])}")
        self.assertEqual(refused.status, 429)
        self.assertGreater(int(refused.get("retry-after")), 0)
        self.assertEqual(self.verify(relay, BY_TOKEN, f"?key={','.join(KEYS)}").status, 200)

    def test_or_nothing(self):
        relay = self.relay(verify={"keys_per_minute": 0})
        self.assertEqual(self.verify(relay, query=f"?key={KEYS[0]}").status, 401)

    def test_where_a_token_is_demanded_they_are_not_there(self):
        relay = self.relay(preset_auth=True)
        self.assertEqual(self.verify(relay, query=f"?key={KEYS[0]}").status, 401)
        self.assertEqual(self.verify(relay, BY_TOKEN, f"?key={KEYS[0]}").status, 200)
        path = f"GET /{TOKEN}/verify?key={KEYS[0]} HTTP/1.1\r\nHost: r\r\n\r\n"
        self.assertEqual(exchange(relay.http, path.encode()).status, 200)

    def test_nothing_of_the_client_goes_up(self):
        relay = self.relay()
        self.verify(relay, f"x-api-key: {KEYS[0]}\r\nUser-Agent: me\r\nX-Forwarded-For: 1.2.3.4\r\n"
                           f"anthropic-beta: b\r\n{BY_TOKEN}", "?upstream=openai")
        [seen] = self.models.requests()
        self.assertEqual([name for name, _ in seen["headers"]],
                         ["Host", "User-Agent", "Authorization", "Accept"])
        self.assertNotIn(TOKEN, seen["head"])
        relay.wait_for_log()
        everything = "\n".join([*relay.stderr_text, *relay.stdout_text])
        for secret in (KEYS[0], TOKEN):
            self.assertNotIn(secret, everything)


class Returning(Tests):
    def ask(self, relay: Relay, path: str = asking.CHAT):
        return exchange(relay.http, asking.post(path, key=None, fields=BY_TOKEN))

    def state(self, relay: Relay, key: str, state: str) -> None:
        relay.wait_for_metric(lambda m: m.sum("culvert_keys", key=masked(key), state=state) == 1)

    def test_an_isolated_key_comes_back_without_a_client(self):
        """The first test comes after a quarter of the isolation, which would last 8 s."""
        relay = self.relay(settings.pool("openai", KEYS[:3], isolation="8s"))
        self.models.behave(key=KEYS[0], status=401, times=1)
        self.assertEqual(self.ask(relay).status, 200)
        self.state(relay, KEYS[0], "isolated")
        begin = time.monotonic()
        self.state(relay, KEYS[0], "ready")
        self.assertLess(time.monotonic() - begin, 6)
        tests = [seen for seen in self.models.requests() if seen["method"] == "GET"]
        self.assertEqual([(seen["target"], seen["key"]) for seen in tests],
                         [("/v1/models", KEYS[0])])
        said = [(line["msg"], line.get("left")) for line in relay.log if "pool has" in line["msg"]]
        self.assertEqual(said, [("pool has fewer keys", 2), ("pool has more keys again", 3)])
        metrics = relay.metrics()
        self.assertEqual(metrics.sum("culvert_upstream_keys", upstream="openai", state="ready"), 3)

    def test_not_where_it_was_turned_off(self):
        relay = self.relay(settings.pool("anthropic", KEYS[:2], isolation="4s", probe_off=True),
                           settings.pool("openai", KEYS[2:4], isolation="8s"))
        self.models.behave(key=KEYS[0], status=401, times=1)
        self.models.behave(key=KEYS[2], status=401, times=1)
        self.assertEqual(self.ask(relay, asking.MESSAGES).status, 200)
        self.assertEqual(self.ask(relay).status, 200)
        self.state(relay, KEYS[2], "ready")  # later than the other's test would have been
        self.assertEqual([seen["key"] for seen in self.models.requests()
                          if seen["method"] == "GET"], [KEYS[2]])

    def test_a_bad_key_is_found_before_a_client_does(self):
        config = settings.resources(
            settings.relay(workers=1, auth_tokens=[TOKEN]),
            settings.upstream("openai", self.models.url, health_check={"interval": "5s"}),
            settings.pool("openai", KEYS[:2], isolation="1h"))
        self.models.behave(key=KEYS[0], status=401)
        relay = Relay.for_test(self, config=config)
        self.state(relay, KEYS[0], "isolated")
        self.assertEqual({seen["method"] for seen in self.models.requests()}, {"GET"})

    def test_only_what_is_about_a_key_costs_one(self):
        relay = self.relay(settings.pool("openai", KEYS[:2], isolation="1h"),
                           settings.pool("gemini", KEYS[2:4], isolation="1h"))
        self.models.behave(key=KEYS[0], status=403, path="*/completions")
        self.assertEqual(self.ask(relay).status, 200)  # the other one may
        self.state(relay, KEYS[0], "ready")
        # All say the same: it is told in the upstream's own words.
        self.models.behave(status=403, path="*/completions")
        answer = self.ask(relay)
        self.assertEqual(answer.status, 403)
        self.assertIsNone(answer.get("x-proxy-error"))
        self.assertIn(b"unsupported_country_region_territory", answer.body)
        self.state(relay, KEYS[1], "ready")

    def test_a_400_about_the_request_is_the_clients(self):
        relay = self.relay(settings.pool("openai", KEYS[:2], isolation="1h"))
        self.models.behave(status=400)
        answer = self.ask(relay)
        self.assertEqual((answer.status, answer.ended), (400, "complete"))
        self.assertIn(b"messages", answer.body)
        self.assertEqual(len(self.models.requests()), 1)
        self.state(relay, KEYS[0], "ready")

    def test_a_400_about_the_key_is_not(self):
        relay = self.relay(settings.pool("gemini", KEYS[:2], isolation="1h"))
        self.models.behave(key=KEYS[0], status=400)
        for _ in range(2):
            self.assertEqual(self.ask(relay, asking.GEMINI).status, 200)
        self.state(relay, KEYS[0], "isolated")

    def test_no_money(self):
        relay = self.relay(settings.pool("openai", KEYS[:2]))
        self.models.behave(key=KEYS[0], status=429, error_code="insufficient_quota")
        self.assertEqual(self.ask(relay).status, 200)
        self.state(relay, KEYS[0], "isolated")
        [line] = relay.wait_for_message("key isolated")
        self.assertEqual(line["reason"], "billing")
        self.assertGreaterEqual(line["seconds"], 3600)


class Limits(Tests):
    def test_requests_are_counted_before_the_upstream_does(self):
        relay = self.relay(settings.pool("openai", KEYS[:2], limits={"requests_per_minute": 2}))
        request = asking.post(key=None, fields=BY_TOKEN)
        statuses = [exchange(relay.http, request).status for _ in range(5)]
        self.assertEqual(statuses, [200, 200, 200, 200, 429])
        self.assertEqual(len(self.models.requests()), 4)
        self.assertGreater(int(exchange(relay.http, request).get("retry-after")), 30)

    def test_tokens_are_those_that_answers_tell(self):
        """At its end, whether it streams or not."""
        limits = {"tokens_per_minute": 5}
        relay = self.relay(settings.pool("openai", KEYS[:1], limits=limits),
                           settings.pool("anthropic", KEYS[1:2], limits=limits))
        for path, stream in ((asking.CHAT, False), (asking.MESSAGES, True)):
            request = asking.post(path, asking.chat(stream=stream), None, BY_TOKEN)
            self.assertEqual(exchange(relay.http, request).status, 200)
            self.assertEqual(exchange(relay.http, request).status, 429)


class Sticky(Tests):
    def test_a_conversation_keeps_its_key(self):
        relay = self.relay(settings.pool("openai", KEYS, policy="sticky"))
        used = {}
        for number in range(12):
            self.models.reset()
            messages = [{"role": "system", "content": "all the same"},
                        {"role": "user", "content": f"conversation {number}"}]
            for turn in range(3):
                body = {"model": "gpt-6-sol", "messages": messages}
                answer = exchange(relay.http, asking.post(body=body, key=None, fields=BY_TOKEN))
                self.assertEqual(answer.status, 200)
                messages += [{"role": "assistant", "content": f"answer {turn}"},
                             {"role": "user", "content": f"and {turn}?"}]
            keys = {seen["key"] for seen in self.models.requests()}
            self.assertEqual(len(keys), 1)
            used[number] = keys.pop()
        self.assertGreater(len(set(used.values())), 3)

    def test_a_large_prompt_does_not_wait_for_its_end(self):
        relay = self.relay(settings.pool("openai", KEYS, policy="sticky"))
        body = json.dumps(asking.chat("z" * 2_000_000)).encode()
        head = (f"POST {asking.CHAT} HTTP/1.1\r\nHost: r\r\n{BY_TOKEN}Content-Type: "
                f"application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
        with RawClient(relay.http) as client:
            client.send(head + body[:10_000])
            relay.wait_for_metric(lambda m: m.sum("culvert_upstream_connections_total") == 1)
            client.send(body[10_000:])
            self.assertEqual(client.read_response("POST").status, 200)


if __name__ == "__main__":
    unittest.main()
