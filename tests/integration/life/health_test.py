# Active checks of targets: what they find of each stage, that a dead target is left and taken back
# without a client's request, what is told of it and to whom, and the end of the listeners' own
# certificates.
import json
import time
import unittest

from tests.fakes import certs
from tests.fakes.control import free_port
from tests.fakes.models import Models
from tests.fakes.raw_client import exchange
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN

DAY = 86400
BY_TOKEN = f"X-Culvert-Token: {TOKEN}\r\n"
KEYS = ["sk-pool-one-0123456789-aend", "sk-pool-two-0123456789-bend"]
QUICK = {"interval": "5s"}
FAILS, WELL = "target fails its check", "target is well again"
TRUST = {"SSL_CERT_FILE": certs.authority().ca_file}
FAMILIES = {  # each with its labels
    "culvert_upstream_target_up": {"upstream", "target"},
    "culvert_upstream_breaker_state": {"upstream", "target", "state"},
    "culvert_upstream_check_timestamp_seconds": {"upstream", "target"},
    "culvert_upstream_check_seconds": {"upstream", "target", "leg"},
    "culvert_upstream_checks_total": {"upstream", "target", "result"},
    "culvert_upstream_certificate_expiry_timestamp_seconds": {"upstream", "target"},
    "culvert_pool_keys": {"pool", "upstream"}, "culvert_pool_keys_left": {"pool", "upstream"}}


class Checks(unittest.TestCase):
    def relay(self, *documents: str, env=None, **spec) -> Relay:
        spec = {"workers": 1, "auth_tokens": [TOKEN]} | spec
        return Relay.for_test(self, TRUST | (env or {}), config=settings.resources(
            settings.relay(**spec), *documents))

    def models(self, *arguments, **more) -> Models:
        return self.enterContext(Models(*arguments, **more))

    def health(self, relay: Relay) -> dict:
        """What /debug says of each upstream's first target."""
        _, text = relay.admin_get("/debug")
        return {one["upstream"]: one["health"][0] for one in json.loads(text)["health"]}

    def wait_for_health(self, relay: Relay, holds) -> dict:
        until = time.monotonic() + 60
        while not holds(health := self.health(relay)):
            self.assertLess(time.monotonic(), until, health)
        return health


class Stages(Checks):
    def test_each_failure_is_told_with_its_stage(self):
        ends = certs.authority().issue(last_day=3)
        good = self.models(ends)
        old = self.models(certs.expired())
        sick = self.models(behave=[{"path": "/v1/models", "status": 500}])
        off = self.models()
        relay = self.relay(
            settings.upstream("good", good.url, dialect="openai", health_check=QUICK),
            settings.upstream("nowhere", "https://nowhere.invalid", health_check=QUICK),
            settings.upstream("closed", f"http://127.0.0.1:{free_port()}", health_check=QUICK),
            settings.upstream("old", old.url, health_check=QUICK),
            settings.upstream("sick", sick.url, dialect="openai", health_check=QUICK),
            settings.upstream("off", off.url, dialect="openai",
                              health_check={"interval": "5s", "off": True}))
        for name, stage in (("nowhere", "resolve"), ("closed", "connect"), ("old", "tls"),
                            ("sick", "first_byte")):
            [line] = relay.wait_for_message(FAILS, upstream=name)[:1]
            self.assertEqual(line["stage"], stage)
        health = self.wait_for_health(relay, lambda all: "checked" in all["good"])
        # Without a key it is refused, and there.
        self.assertEqual((health["good"]["state"], health["good"]["status"]), ("up", 401))
        self.assertEqual(set(health["good"]["ms"]) - {"resolve"}, {"connect", "tls", "first_byte"})
        self.assertIn("expired", health["old"]["error"])
        self.assertEqual(health["sick"]["error"], "the target answered 500")
        self.assertEqual(health["off"]["state"], "unchecked")
        self.assertEqual(off.connections(), [])
        self.check_metrics(relay, good, old)
        for server in (good, sick):
            seen = server.requests()
            self.assertEqual({(one["method"], one["key"]) for one in seen}, {("GET", None)})

    def check_metrics(self, relay: Relay, good: Models, old: Models) -> None:
        metrics = relay.metrics()
        up = {labels["upstream"]: value for labels, value
              in metrics.all("culvert_upstream_target_up")}
        self.assertEqual(up, {"good": 1, "nowhere": 0, "closed": 0, "old": 0, "sick": 0})
        ends = {labels["target"]: value - time.time() for labels, value
                in metrics.all("culvert_upstream_certificate_expiry_timestamp_seconds")}
        self.assertEqual(set(ends), {good.url, old.url})
        self.assertGreater(ends[good.url], 2 * DAY)
        self.assertLess(ends[good.url], 4 * DAY)
        self.assertLess(ends[old.url], 0)  # also of one that is not accepted
        for name, labels in FAMILIES.items():
            if "pool" in name:
                continue
            self.assertIn(f"# HELP {name} ", metrics.text)
            self.assertIn(f"# TYPE {name} ", metrics.text)
            for found, _ in metrics.all(name):
                self.assertEqual(set(found), labels, name)

    def test_it_is_a_client_hello_like_any_other_but_no_session(self):
        """A resumed session would show no certificate."""
        models = self.models(certs.server())
        relay = self.relay(settings.upstream("good", models.url, health_check=QUICK))
        relay.wait_for_metric(lambda m: m.sum("culvert_upstream_checks_total", result="good") >= 2)
        self.assertEqual(models.requests(), [])  # it is only connected to


class Targets(Checks):
    def test_a_dead_target_is_left_and_comes_back_without_a_clients_request(self):
        alive, port = self.models(), free_port()
        dead = f"http://127.0.0.1:{port}"
        breaker = {"consecutive_failures": 3, "open": "1s"}
        relay = self.relay(settings.upstream("openai", alive.url, dead, health_check=QUICK,
                                             circuit_breaker=breaker))
        relay.wait_for_message(FAILS, target=dead)

        def state(metrics, name):
            return metrics.sum("culvert_upstream_breaker_state", target=dead, state=name) == 1
        relay.wait_for_metric(lambda m: state(m, "open"))
        for _ in range(6):
            answer = exchange(relay.http, asking.post())
            self.assertEqual(answer.status, 200)
        self.assertEqual({line["attempts"] for line in relay.wait_for_log(count=6)}, {1})
        late = self.models(arguments=["--port", str(port)])
        relay.wait_for_message(WELL, target=dead)
        relay.wait_for_metric(lambda m: state(m, "closed"))
        self.assertEqual({one["method"] for one in late.requests()} - {"GET"}, set())
        for _ in range(20):
            self.assertEqual(exchange(relay.http, asking.post()).status, 200)
        self.assertIn("POST", {one["method"] for one in late.requests()})
        self.assertEqual({line["attempts"] for line in relay.wait_for_log(count=26)}, {1})

    def test_what_clients_found_is_not_undone_by_a_check(self):
        """The target can be reached, and answers its check; requests it refuses."""
        good, sick = self.models(), self.models(behave=[{"path": "*/completions", "status": 503}])
        breaker = {"consecutive_failures": 2, "open": "10m"}
        relay = self.relay(settings.upstream("openai", good.url, sick.url, circuit_breaker=breaker,
                                             health_check=QUICK))

        def is_open(metrics):
            return metrics.sum("culvert_upstream_breaker_state", target=sick.url,
                               state="open") == 1
        while not is_open(relay.metrics()):
            self.assertEqual(exchange(relay.http, asking.post()).status, 200)
        before = relay.metrics().sum("culvert_upstream_checks_total", target=sick.url)
        relay.wait_for_metric(lambda m: m.sum("culvert_upstream_checks_total",
                                              target=sick.url) >= before + 2)
        self.assertTrue(is_open(relay.metrics()))

    def test_a_path_is_asked_with_the_pools_key(self):
        models = self.models(keys=KEYS)
        relay = self.relay(
            settings.upstream("openai", models.url,
                              health_check={"interval": "5s", "path": "/v1/models?limit=1"}),
            settings.pool("openai", KEYS))
        health = self.wait_for_health(relay, lambda all: "checked" in all["openai"])
        self.assertEqual((health["openai"]["state"], health["openai"]["status"]), ("up", 200))
        self.assertEqual({one["method"] for one in models.requests()}, {"GET"})


class StatusPage(Checks):
    def test_who_is_told_what(self):
        models = self.models(certs.server(), keys=KEYS)
        models.behave(key=KEYS[0], status=401)
        inside = "https://inside.invalid"
        relay = self.relay(
            settings.upstream("openai", models.url, health_check=QUICK),
            settings.upstream("inside", inside, health_check=QUICK),
            settings.pool("openai", KEYS, isolation="1h"))
        relay.wait_for_message(FAILS, upstream="inside")
        relay.wait_for_message("pool has fewer keys")
        self.wait_for_health(relay, lambda all: "checked" in all["openai"])
        told = json.loads(exchange(relay.http, asking.get("/", key=None, fields=BY_TOKEN)).body)
        by_name = {one["alias"]: one for one in told["upstreams"]}
        [pool] = by_name["openai"]["pools"]
        self.assertEqual((pool["keys"], pool["left"]), (2, 1))
        [health] = by_name["openai"]["health"]
        self.assertEqual((health["state"], health["breaker"], health["strategy"]),
                         ("up", "closed", "socket"))
        self.assertIn("certificate_until", health)
        self.assertEqual(by_name["inside"]["health"][0]["stage"], "resolve")
        html = self.html(relay, BY_TOKEN)
        for words in ("1 of 2", "ends in", "failing", "resolve:"):
            self.assertIn(words, html)
        self.check_strangers(relay, told)

    def check_strangers(self, relay: Relay, told: dict) -> None:
        answer = exchange(relay.http, asking.get("/", key=None))
        for one in json.loads(answer.body)["upstreams"]:
            self.assertEqual(set(one), {"alias", "dialect", "targets", "health"})
            # Of a preset that nobody named nothing is known.
            self.assertEqual(len(one["health"]), int(one["alias"] in ("openai", "inside")))
            for target in one["health"]:
                self.assertEqual(set(target), {"target", "state"})
        page = self.html(relay, "")
        for words in ("1 of 2", "ends in", "resolve:", "Key pools"):
            self.assertNotIn(words, page)
        self.assertIn("failing", page)
        for text in (json.dumps(told), page, self.html(relay, BY_TOKEN)):
            for key in KEYS:
                self.assertNotIn(key, text)

    def html(self, relay: Relay, fields: str) -> str:
        request = asking.get("/", key=None, fields=fields + "Accept: text/html\r\n")
        return exchange(relay.http, request).body.decode()

    def test_pools_in_metrics(self):
        models = self.models(keys=KEYS)
        relay = self.relay(settings.upstream("openai", models.url),
                           settings.pool("openai", KEYS, isolation="1h"))
        models.behave(key=KEYS[0], status=401)
        for _ in range(2):
            exchange(relay.http, asking.post(key=None, fields=BY_TOKEN))
        metrics = relay.metrics()
        self.assertEqual(metrics.all("culvert_pool_keys"),
                         [({"pool": "openai-keys", "upstream": "openai"}, 2)])
        self.assertEqual(metrics.sum("culvert_pool_keys_left"), 1)
        for name in ("culvert_pool_keys", "culvert_pool_keys_left"):
            self.assertIn(f"# HELP {name} ", metrics.text)


class OwnCertificates(Checks):
    def test_the_end_is_told_and_moves_with_a_reload(self):
        soon = certs.authority().issue(first_day=-40, last_day=3)
        relay = self.relay(listen=["https://127.0.0.1:0"],
                           certificates=[{"cert": soon.cert, "key": soon.key}])
        [line] = relay.wait_for_message("the listeners' certificate ends soon")
        self.assertGreater(line["days"], 2)
        self.assertLess(line["days"], 4)
        name = "culvert_listener_certificate_expiry_timestamp_seconds"
        self.assertLess(relay.metrics().sum(name), time.time() + 4 * DAY)
        late = certs.authority().issue(last_day=80)
        relay.write_config(settings.resources(settings.relay(
            workers=1, auth_tokens=[TOKEN], listen=["https://127.0.0.1:0"],
            certificates=[{"cert": late.cert, "key": late.key}])))
        relay.sighup()
        relay.wait_for_message("reloaded")
        self.assertGreater(relay.metrics().sum(name), time.time() + 78 * DAY)


if __name__ == "__main__":
    unittest.main()
