# Each failure alone: against one upstream, one with a second target, and a route with a fallback;
# with what may be repeated and what may not, what can be sent again and what cannot. The relay is
# held to policy.py, and every POST to the upstreams' own record.
import unittest

from tests.integration.failover import policy
from tests.integration.failover.failures import FAILURES, Kind
from tests.integration.failover.policy import Request
from tests.integration.failover.scenes import ATTEMPTS, Scenes, model_of, taken_twice

OWN = (Request("GET"), Request("POST"), Request("POST", large=True))
POOL = tuple(Request(one.method, one.large, pool=True) for one in OWN)


class Singles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scenes = cls.enterClassContext(Scenes())
        cls.runs = []  # what it is called, what was to be seen, the scene
        for failure in FAILURES.values():
            for request in OWN:
                cls.expect("alone", failure, request, policy.alone(failure, request, ATTEMPTS),
                           scenes.alone(failure, request))
                cls.expect("two targets", failure, request,
                           policy.two_targets(failure, request, ATTEMPTS),
                           scenes.two_targets(failure, request))
            for request in POOL:
                if failure.refuses_key:
                    cls.expect("alone", failure, request,
                               policy.alone(failure, request, ATTEMPTS),
                               scenes.alone(failure, request))
                cls.expect("fallback", failure, request, policy.in_turn([failure], request),
                           scenes.in_turn([failure], request))
        scenes.run()

    @classmethod
    def expect(cls, place, failure, request, seen, scene) -> None:
        cls.runs.append((place, failure, request, seen, scene))

    def hold(self, wanted: str) -> None:
        for place, failure, request, seen, scene in self.runs:
            if place == wanted:
                with self.subTest(failure=failure.name, request=str(request)):
                    self.assertEqual(seen, scene.seen, (scene.line, scene.answer.body[:300]))

    def test_alone(self):
        self.hold("alone")

    def test_with_a_second_target(self):
        self.hold("two targets")

    def test_with_a_fallback(self):
        self.hold("fallback")

    def test_a_fallback_is_asked_with_its_own_key_and_model(self):
        checked = 0
        for place, failure, request, seen, scene in self.runs:
            if place != "fallback" or seen.calls[-1] == 0:
                continue
            checked += 1
            with self.subTest(failure=failure.name, request=str(request)):
                last = scene.calls[-1]
                self.assertEqual(last.field("authorization"),
                                 f"Bearer sk-{scene.upstreams[-1]}-0-0123456789")
                if request.method == "POST":
                    self.assertEqual(model_of(last), f"model-of-{scene.upstreams[-1]}")
        self.assertGreater(checked, len(FAILURES))

    def test_no_post_is_taken_twice(self):
        for place, failure, request, _, scene in self.runs:
            if request.method == "POST":
                with self.subTest(place=place, failure=failure.name, request=str(request)):
                    self.assertEqual(taken_twice(scene), [])

    def test_what_is_sent_again_is_the_same(self):
        for place, failure, request, _, scene in self.runs:
            if request.method != "POST" or place == "fallback":
                continue
            whole = [call.body for call in scene.calls if len(call.body) ==
                     int(call.field("content-length") or -1)]
            with self.subTest(place=place, failure=failure.name, request=str(request)):
                self.assertLessEqual(len(set(whole)), 1)

    def test_the_log_tells_how_often_and_where_it_ended(self):
        for place, failure, request, seen, scene in self.runs:
            with self.subTest(place=place, failure=failure.name, request=str(request)):
                line = scene.line
                self.assertEqual(line["attempts"], sum(seen.tries))
                self.assertEqual(line["upstream"], scene.upstreams[
                    max(n for n, tries in enumerate(seen.tries) if tries)])
                self.assertEqual((line["status"], line["strategy"]), (seen.status, "socket"))
                cut = failure.kind is Kind.CUT
                self.assertEqual(line.get("stage"), "body" if cut else seen.stage)
                self.assertEqual(line["outcome"], "truncated" if cut else
                                 "ok" if seen.vendors else "upstream_error" if
                                 seen.stage != "limit" else "relay_error")


if __name__ == "__main__":
    unittest.main()
