# Failures in pairs: a request that fails in one way, then in another, then finds what is well. At
# the upstreams of a route, one after the other, and at one target that fails differently each time,
# by one strategy and by two. The relay is held to policy.py, every POST to the upstreams' record.
import unittest

from tests.integration.failover import policy
from tests.integration.failover.failures import FAILURES, Failure
from tests.integration.failover.policy import Request
from tests.integration.failover.scenes import Scenes, taken_twice

# One of each that a relay can tell apart; the others are its like (see single_test.py).
ANYWHERE = ("tls-closed", "tls-silent", "tls-wrong-host", "body-reset", "half-close", "silent",
            "answer-reset", "answer-head-closed", "429", "503", "401", "cut-length")
IN_TURN = ("resolve", "refused", "connect-silent", *ANYWHERE)
# Where it matters which strategy failed.
BY_STRATEGIES = ("tls-closed", "tls-silent", "tls-wrong-host", "body-reset", "silent",
                 "answer-reset", "429", "503")


def pairs(names) -> list[list[Failure]]:
    return [[FAILURES[first], FAILURES[second]] for first in names for second in names]


class Pairs(unittest.TestCase):
    def hold(self, runs) -> None:
        for failures, request, seen, scene in runs:
            with self.subTest(first=failures[0].name, second=failures[1].name,
                              request=str(request)):
                self.assertEqual(seen, scene.seen, (scene.line, scene.answer.body[:300]))
                self.assertEqual(scene.line["attempts"], sum(seen.tries))
                if request.method == "POST":
                    self.assertEqual(taken_twice(scene), [])

    def test_at_upstreams_in_turn(self):
        with Scenes() as scenes:
            runs = []
            for failures in pairs(IN_TURN):
                for method in ("GET", "POST"):
                    request = Request(method, pool=True)
                    runs.append((failures, request, policy.in_turn(failures, request),
                                 scenes.in_turn(failures, request)))
            scenes.run()
            self.hold(runs)

    def at_one_target(self, names, *strategies: str) -> None:
        with Scenes() as scenes:
            runs = []
            for failures in pairs(names):
                for request in (Request("GET"), Request("POST")):
                    seen = policy.at_one_target(failures, request, len(strategies))
                    runs.append((failures, request, seen,
                                 scenes.at_one_target(failures, request, strategies)))
            scenes.run()
            self.hold(runs)

    def test_at_one_target(self):
        self.at_one_target(ANYWHERE, "socket")

    def test_at_one_target_by_two_strategies(self):
        """The second try after a connection that was not made is the other strategy's; what the
        client sees and what it costs is the same."""
        self.at_one_target(BY_STRATEGIES, "socket", "fetch")


if __name__ == "__main__":
    unittest.main()
