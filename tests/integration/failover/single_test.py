# Each failure alone: against one upstream, one with a second target, and a route with a fallback;
# with what may be repeated and what may not, what can be sent again and what cannot. The relay is
# held to policy.py, and every POST to the upstreams' own record.
import email.utils
import time
import unittest

from tests.integration.failover import policy
from tests.integration.failover.failures import FAILURES, Failure, Kind, saying
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


class LongWaits(unittest.TestCase):
    """A Retry-After beyond what a request may take, in both of its forms."""

    FORMS = {"seconds": "3600", "date": email.utils.formatdate(time.time() + 3600, usegmt=True)}

    def test_nobody_waits_for_what_comes_too_late(self):
        scenes, asked = self.enterContext(Scenes()), []
        for form, wait in self.FORMS.items():
            for status in (429, 503):
                refusal = Failure(f"{status}-{form}-late", "", Kind.STATUS, saying(
                    status, lambda wait=wait: f"Retry-After: {wait}\r\n"), status=status)
                asked.append((form, status, wait, scenes.alone(refusal, Request("POST")),
                              scenes.two_targets(refusal, Request("POST"))))
        scenes.run()
        for form, status, wait, alone, two in asked:
            with self.subTest(form=form, status=status):
                self.assertEqual((alone.seen.status, alone.seen.vendors, alone.seen.calls),
                                 (status, True, (1,)))
                self.assertEqual(alone.answer.get("retry-after"), wait)
                # A key's limit is the same at every target, an overload is not.
                self.assertEqual((two.seen.status, two.seen.calls),
                                 (429, (1, 0)) if status == 429 else (200, (1, 1)))


if __name__ == "__main__":
    unittest.main()
