# Two ways to one target, of which only one works. What breaks the socket's is what breaks it in the
# field: somebody on the way who does not like its ClientHello, and lets libcurl's pass, which alone
# offers HTTP/2. What works is remembered, what did not is tried again, and a POST whose body has
# left is never sent by another way.
import threading
import time
import unittest

from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.relay import Relay
from tests.integration.failover.failing import FailingUpstream, Script, well
from tests.integration.failover.failures import hello_then, saying
from tests.integration.failover.policy import Request
from tests.integration.failover.scenes import (ATTEMPTS, BY_TOKEN, LONG, OWN_KEY, Scene,
                                               Scenes)
from tests.integration.life import asking

HANG_GUARD_SECONDS = 90.0
OFFERS_HTTP2 = b"\x02h2"  # in the ClientHello's ALPN (RFC 7301 §3.1)


class Picky:
    """Lets pass whose ClientHello offers HTTP/2, and does `end` to all others; writes down who
    came."""

    def __init__(self, end: str):
        self.end, self.came = end, []

    def __call__(self, talk) -> None:
        hello = b""
        while len(hello) < 5 or len(hello) < 5 + int.from_bytes(hello[3:5], "big"):
            known, hello = hello, talk.raw.socket.recv(20_000, 2)  # MSG_PEEK
            if hello == known:
                threading.Event().wait(0.001)  # the rest is on its way
        self.came.append("fetch" if OFFERS_HTTP2 in hello else "socket")
        if self.end == "well" or self.came[-1] == "fetch":
            return well(talk)
        talk.raw.recv_some()
        talk.end(self.end)


class Ways(unittest.TestCase):
    def scenes(self, **relay) -> Scenes:
        return self.enterContext(Scenes(**relay))

    def upstream(self, scenes: Scenes, name: str, script: Script, tls: bool, **spec):
        target = scenes.one_after_the_other(script, tls=tls)
        scenes.upstream(name, f"{target.url}/{name}-0", strategies=("socket", "fetch"), **spec)
        scenes.route(name, name)
        return target

    def ask(self, relay: Relay, name: str, request: Request = Request("POST"), **more):
        return exchange(relay.http, Scene(name, request, [], [], **more).bytes())

    def line(self, relay: Relay, answer) -> dict:
        return relay.wait_for_log(lambda line: line["id"] == answer.get("x-request-id"))[0]


class Remembered(Ways):
    REQUESTS = (Request("GET"), Request("POST"), Request("POST", large=True))

    def test_one_request_pays_for_a_broken_way(self):
        scenes, cases = self.scenes(), []
        for end in ("close", "rst", "wait"):
            for request in self.REQUESTS:
                name, picky = f"c{len(cases)}", Picky(end)
                self.upstream(scenes, name, picky, True,
                              timeouts={"tls": LONG} if end == "wait" else {})
                cases.append((name, end, request, picky))
        relay = scenes.start()
        for name, end, request, picky in cases:
            with self.subTest(end=end, request=str(request)):
                for attempts in (2, 1, 1):
                    answer = self.ask(relay, name, request)
                    self.assertEqual((answer.status, answer.get("x-culvert-strategy")),
                                     (200, "fetch"))
                    line = self.line(relay, answer)
                    self.assertEqual((line["strategy"], line["attempts"]), ("fetch", attempts))
                self.assertEqual(picky.came, ["socket", "fetch", "fetch", "fetch"])
                metrics = relay.metrics()
                for strategy, count in (("socket", 1), ("fetch", 3)):
                    self.assertEqual(metrics.sum("culvert_upstream_attempts_total", upstream=name,
                                                 strategy=strategy), count)

    def test_what_works_again_is_used_again(self):
        """A check in the background finds it out: no client's request pays for that."""
        scenes, picky, still = self.scenes(), Picky("rst"), Picky("rst")
        checked = {"interval": "1h"}
        self.upstream(scenes, "back", picky, True, health_check=checked)
        self.upstream(scenes, "still", still, True, health_check=checked)
        relay = scenes.start()
        for name in ("back", "still"):
            self.assertEqual(self.ask(relay, name).get("x-culvert-strategy"), "fetch")
        picky.end = "well"
        relay.wait_for_message("strategy works again", upstream="back", strategy="socket")
        end = time.monotonic() + HANG_GUARD_SECONDS
        while still.came.count("socket") < 2 and time.monotonic() < end:
            threading.Event().wait(0.05)
        self.assertEqual(still.came.count("socket"), 2, "hang guard")
        for name, strategy in (("back", "socket"), ("still", "fetch")):
            for _ in range(3):
                answer = self.ask(relay, name)
                self.assertEqual((answer.status, answer.get("x-culvert-strategy")), (200, strategy))
                self.assertEqual(self.line(relay, answer)["attempts"], 1)

    def test_without_checks_a_request_finds_out(self):
        scenes, picky = self.scenes(), Picky("rst")
        self.upstream(scenes, "unchecked", picky, True)
        relay = scenes.start()
        self.assertEqual(self.ask(relay, "unchecked").get("x-culvert-strategy"), "fetch")
        picky.end = "well"
        end = time.monotonic() + HANG_GUARD_SECONDS
        while picky.came.count("socket") < 2 and time.monotonic() < end:
            self.assertEqual(self.ask(relay, "unchecked").status, 200)
            threading.Event().wait(0.1)
        self.assertEqual(picky.came.count("socket"), 2, "hang guard")
        for _ in range(3):
            answer = self.ask(relay, "unchecked")
            self.assertEqual((answer.status, answer.get("x-culvert-strategy")), (200, "socket"))

    def test_where_both_fail_neither_rests(self):
        """The target is broken then, and not the way to it."""
        scenes = self.scenes()
        target = self.upstream(scenes, "both", hello_then("rst"), True,
                               circuit_breaker={"off": True}, retry={"attempts": 1})
        relay = scenes.start()
        for _ in range(3):
            answer = self.ask(relay, "both")
            self.assertEqual((answer.status, answer.get("x-proxy-stage")), (502, "tls"))
            self.assertEqual(self.line(relay, answer)["attempts"], 2)
        self.assertEqual(len(target.connections), 6)
        self.assertEqual(relay.metrics().sum("culvert_upstream_attempts_total", upstream="both",
                                             strategy="socket"), 3)


class Narrow(Ways):
    """AGGRESSIVE_FALLBACK."""

    def first_of_body_is_held(self, relay: Relay, name: str, target: FailingUpstream):
        """The upstream breaks off when it has the head; nothing of the body has left by then."""
        whole = Scene(name, Request("POST"), [], []).bytes()
        head, _, body = whole.partition(b"\r\n\r\n")
        with RawClient(relay.http) as client:
            client.send(head + b"\r\n\r\n")
            target.wait_finished(1)
            client.send(body)
            return client.read_response("POST")

    def test_after_a_connection_was_made(self):
        for aggressive in (True, False):
            with self.subTest(aggressive=aggressive):
                scenes = self.scenes(aggressive_fallback=aggressive)

                def head_only(talk) -> None:
                    talk.raw.recv_head()
                    talk.end("close")

                target = FailingUpstream(head_only, well)
                self.addCleanup(target.close)
                scenes.upstream("held", f"{target.url}/held-0", strategies=("socket", "fetch"),
                                retry={"attempts": 1})
                scenes.route("held", "held")
                relay = scenes.start()
                answer = self.first_of_body_is_held(relay, "held", target)
                seen = (200, "fetch", 2) if aggressive else (502, "socket", 1)
                line = self.line(relay, answer)
                self.assertEqual((answer.status, line["strategy"], line["attempts"]), seen)
                self.assertEqual(len(target.connections), seen[2])

    def test_a_failure_to_connect_falls_back_in_both(self):
        for aggressive in (True, False):
            with self.subTest(aggressive=aggressive):
                scenes, picky = self.scenes(aggressive_fallback=aggressive), Picky("rst")
                self.upstream(scenes, "picky", picky, True, retry={"attempts": 1})
                answer = self.ask(scenes.start(), "picky")
                self.assertEqual((answer.status, answer.get("x-culvert-strategy")),
                                 (200, "fetch"))

    def test_a_body_that_left_is_not_sent_by_another_way(self):
        """Whatever is allowed: the upstream may have acted."""
        def after_the_body(talk) -> None:
            talk.read(0.5)
            talk.end("rst")

        scenes = self.scenes()
        target = self.upstream(scenes, "left", after_the_body, False)
        relay = scenes.start()
        answer = self.ask(relay, "left")
        self.assertEqual((answer.status, answer.get("x-proxy-stage")), (502, "first_byte"))
        self.assertEqual(self.line(relay, answer)["attempts"], 1)
        self.assertEqual(len(target.connections), 1)


class Told(Ways):
    def test_the_strategy_is_told_to_who_has_a_token(self):
        scenes = self.scenes()
        self.upstream(scenes, "told", saying(200, lambda: "X-Culvert-Strategy: forged\r\n"), False)
        relay = scenes.start()
        own = f"Authorization: Bearer {OWN_KEY}\r\n"
        for fields, heard in ((BY_TOKEN, ["socket"]), ("", [])):
            answer = exchange(relay.http, asking.get("/told/v1/models", None, fields + own))
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.all("x-culvert-strategy"), heard)
            self.assertEqual(self.line(relay, answer)["strategy"], "socket")

    def test_further_tries_are_counted_by_where_they_go(self):
        scenes = self.scenes()
        self.upstream(scenes, "again", saying(503), False)
        self.upstream(scenes, "other", Picky("rst"), True)
        relay = scenes.start()
        self.assertEqual(self.ask(relay, "again").status, 503)
        self.assertEqual(self.ask(relay, "other").status, 200)
        metrics = relay.metrics()
        name = "culvert_retries_total"
        self.assertEqual(metrics.sum(name, upstream="again"), ATTEMPTS - 1, metrics.all(name))
        self.assertEqual(metrics.sum(name, upstream="again", other="again"), ATTEMPTS - 1,
                         metrics.all(name))
        self.assertEqual(metrics.sum(name, upstream="other", other="strategy"), 1,
                         metrics.all(name))


if __name__ == "__main__":
    unittest.main()
