# The time limit of each stage, of an upstream and of a route, each the only short one: which stage
# the client and the log are told shows that it acted and no other. And how long each leg took, told
# apart in the log, also where it failed.
import threading
import unittest

from tests.fakes.raw_client import exchange
from tests.integration.failover.failing import well
from tests.integration.failover.failures import FAILURES, LENGTH, SHORT, after, beginning
from tests.integration.failover.policy import Request
from tests.integration.failover.scenes import Scene, Scenes

NEVER = "1h"
ALL = ("resolve", "connect", "tls", "first_byte", "idle")


def only(stage: str) -> dict:
    return dict.fromkeys(ALL, NEVER) | {stage: SHORT}


class Limits(unittest.TestCase):
    """timeout → how the upstream fails, status, stage; what the log says beside it."""

    CASES = {
        "connect": ("connect-silent", 504, "connect", "connecting took too long"),
        "tls": ("tls-silent", 504, "tls", "the TLS handshake took too long"),
        "first_byte": ("silent", 504, "first_byte", "the upstream did not answer within 0.25 s"),
        "idle": ("cut-silent", 200, "body", "the upstream sent nothing for 0.25 s"),
    }

    @classmethod
    def setUpClass(cls):
        scenes = cls.enterClassContext(Scenes())
        cls.names = []
        for timeout, (failure, *_) in cls.CASES.items():
            for strategy in ("socket", "fetch"):
                for where in ("upstream", "route", "route over upstream"):
                    name = f"{timeout}-{strategy}-{where}".replace(" ", "-").replace("_", "-")
                    of_upstream = {"upstream": only(timeout), "route": {},
                                   "route over upstream": dict.fromkeys(ALL, NEVER)}[where]
                    target = scenes.failing(FAILURES[failure])
                    scenes.upstream(name, f"{target.url}/{name}-0", strategies=(strategy,),
                                    timeouts=of_upstream, retry={"attempts": 1})
                    scenes.route(name, name, timeouts={} if where == "upstream" else
                                 only(timeout) if where == "route" else {timeout: SHORT})
                    cls.names.append((timeout, strategy, where, name))
        for total, script in (("before", after(1, "wait")),
                              ("in-body", beginning(LENGTH, "{", "wait"))):
            target = scenes.one_after_the_other(script)
            scenes.upstream(total, f"{target.url}/{total}-0", timeouts={"total": SHORT})
            scenes.route(total, total)

        def slow(talk) -> None:  # longer than the upstream's limit, shorter than the route's
            talk.read()
            threading.Event().wait(0.5)
            talk.answer(200)
            talk.end("wait")

        target = scenes.one_after_the_other(slow)
        scenes.upstream("patient", f"{target.url}/patient-0", timeouts=only("first_byte"))
        scenes.route("patient", "patient", timeouts={"first_byte": NEVER})
        cls.relay = scenes.start()

    def ask(self, name: str):
        answer = exchange(self.relay.http, Scene(name, Request("POST"), [], []).bytes())
        line = self.relay.wait_for_log(lambda one: one["id"] == answer.get("x-request-id"))[0]
        return answer, line

    def test_each_stage_has_its_own(self):
        for timeout, strategy, where, name in self.names:
            with self.subTest(timeout=timeout, strategy=strategy, where=where):
                _, status, stage, words = self.CASES[timeout]
                answer, line = self.ask(name)
                told = answer.get("x-proxy-stage") if status != 200 else "body"
                self.assertEqual((answer.status, told, answer.complete),
                                 (status, stage, status != 200), line)
                self.assertEqual((line["stage"], line["error"], line["strategy"]),
                                 (stage, words, strategy))

    def test_a_routes_own_can_be_longer(self):
        answer, line = self.ask("patient")
        self.assertEqual((answer.status, line["attempts"]), (200, 1), line)

    def test_the_total_time_ends_a_request_wherever_it_is(self):
        answer, line = self.ask("before")
        self.assertEqual((answer.status, answer.get("x-proxy-stage"), line["attempts"]),
                         (504, "first_byte", 1))
        answer, line = self.ask("in-body")
        self.assertEqual((answer.status, answer.complete, line["stage"]), (200, False, "body"))
        self.assertEqual(line["error"], "the request took too long in all")

    def test_each_leg_is_timed_also_where_it_failed(self):
        legs = {"connect": ("resolve_ms", "connect_ms"),
                "tls": ("resolve_ms", "connect_ms", "tls_ms"),
                "first_byte": ("resolve_ms", "connect_ms"),
                "idle": ("resolve_ms", "connect_ms", "first_byte_ms")}
        for timeout, strategy, where, name in self.names:
            if where != "upstream":
                continue
            with self.subTest(timeout=timeout, strategy=strategy):
                _, line = self.ask(name)
                timed = [leg for leg in ("resolve_ms", "connect_ms", "tls_ms", "first_byte_ms")
                         if leg in line]
                self.assertEqual(tuple(timed), legs[timeout], line)
                if timeout in ("connect", "tls"):  # at least as long as was waited for
                    self.assertGreater(line[f"{timeout}_ms"], 240)


class Legs(unittest.TestCase):
    def test_each_leg_of_an_answer_is_timed(self):
        """A server that is slow to shake hands, and one that is slow to answer."""
        def slow_hands(talk) -> None:
            threading.Event().wait(0.3)
            well(talk)

        def slow_answer(talk) -> None:
            talk.handshake()
            talk.read()
            threading.Event().wait(0.3)
            talk.answer(200)
            talk.end("wait")

        scenes = self.enterContext(Scenes())
        for strategy in ("socket", "fetch"):
            for name, script in (("hands", slow_hands), ("answer", slow_answer)):
                target = scenes.one_after_the_other(script, tls=True)
                scenes.upstream(f"{name}-{strategy}", f"{target.url}/x-0", strategies=(strategy,))
                scenes.route(f"{name}-{strategy}", f"{name}-{strategy}")
        relay = scenes.start()
        for strategy in ("socket", "fetch"):
            lines = {}
            for name in ("hands", "answer"):
                answer = exchange(relay.http, Scene(f"{name}-{strategy}", Request("POST"), [],
                                                    []).bytes())
                self.assertEqual(answer.status, 200)
                lines[name] = relay.wait_for_log(
                    lambda one, answer=answer: one["id"] == answer.get("x-request-id"))[0]
            with self.subTest(strategy=strategy):
                for line in lines.values():
                    for leg in ("resolve_ms", "connect_ms", "tls_ms", "first_byte_ms"):
                        self.assertGreater(line[leg], 0, line)
                    self.assertGreaterEqual(line["first_byte_ms"], line["tls_ms"])
                self.assertGreaterEqual(lines["hands"]["tls_ms"], 300)
                answered = lines["answer"]
                self.assertGreaterEqual(answered["first_byte_ms"] - answered["tls_ms"], 300)


if __name__ == "__main__":
    unittest.main()
