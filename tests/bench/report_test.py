# What is said of measured numbers: medians, ratios round by round with their spread, goals, and the
# table and document that hold them. Pure.
import json
import unittest

from tests.bench import report
from tests.bench.figures import Goal, Row, Spread, ratios, spread
from tests.bench.process import Failed
from tests.bench.rounds import Outcome, play


def row(goal: Goal | None = None, more: bool = True, **fields) -> Row:
    made = Row("rate", "requests", "/s", more, goal, **fields)
    made.values = {"direct": [900, 910, 905], "culvert": [200, 330, 240],
                   "nginx": [100, 220, 120], "haproxy": [110, 90, 80]}
    return made


class Figures(unittest.TestCase):
    def test_spread_is_of_what_is_known(self):
        self.assertEqual(Spread(3, 1, 9), spread([9, None, 1, 3]))
        self.assertIsNone(spread([None, None]))

    def test_ratios_are_of_one_round(self):
        self.assertEqual([2.0, 0.5, None, None, None],
                         ratios([4, 2, None, 3, 3], [2, 4, 1, 0, -7]))

    def test_the_better_peer_is_the_one_of_the_run(self):
        """nginx has the better median, though HAProxy is first in one round."""
        self.assertEqual("nginx", row().better_peer())
        self.assertEqual("haproxy", row(more=False).better_peer())

    def test_ratio_to_the_better_peer(self):
        """The median of the ratios: that of the medians would be another number."""
        self.assertEqual(Spread(2.0, 1.5, 2.0), row().ratio("culvert"))

    def test_ratio_to_a_base_of_its_own(self):
        one = row(base="{} tls")
        one.values["culvert tls"] = [400, 330, 480]
        self.assertEqual(Spread(0.5, 0.5, 1.0), one.ratio("culvert"))
        self.assertIsNone(one.ratio("other"))

    def test_what_is_not_compared_has_no_ratio(self):
        self.assertIsNone(row(compared=False).ratio("culvert"))

    def test_goals(self):
        self.assertTrue(row(Goal(least=2.0)).met("culvert"))
        self.assertFalse(row(Goal(least=2.1)).met("culvert"))
        self.assertTrue(row(Goal(most=240, absolute=True)).met("culvert"))
        self.assertFalse(row(Goal(most=239, absolute=True)).met("culvert"))
        self.assertIsNone(row(None).met("culvert"))
        self.assertIsNone(row(Goal(least=1)).met("a build that failed"))


class Scripted:
    """A workload whose contestants answer with what a test wrote down, a value or an error."""

    name, about = "scripted", ""

    def __init__(self, values: dict[str, list], opens: bool = True):
        self.values, self.opens, self.order, self.closed = values, opens, [], False

    def rows(self):
        return [Row("rate", "requests", "/s", True)]

    def contestants(self):
        return list(self.values)

    def rounds(self, asked):
        return asked

    def open(self):
        if not self.opens:
            raise Failed("no port")

    def measure(self, contestant):
        self.order.append(contestant)
        value = self.values[contestant][self.order.count(contestant) - 1]
        if isinstance(value, Failed):
            raise value
        yield "rate", contestant, value

    def close(self):
        self.closed = True


class Rounds(unittest.TestCase):
    def play(self, workload: Scripted) -> Outcome:
        outcome = play(workload, 3, lambda text: None)
        self.assertTrue(workload.closed)
        return outcome

    def test_they_are_interleaved(self):
        workload = Scripted({"a": [1, 2, 3], "b": [4, 5, 6]})
        outcome = self.play(workload)
        self.assertEqual(["a", "b"] * 3, workload.order)
        self.assertEqual({"a": [1, 2, 3], "b": [4, 5, 6]}, outcome.rows[0].values)

    def test_one_error_takes_every_figure(self):
        workload = Scripted({"a": [1, Failed("1 errors"), 3], "b": [4, 5, 6]})
        outcome = self.play(workload)
        self.assertEqual(["a", "b", "a", "b", "b"], workload.order)
        self.assertEqual({"b": [4, 5, 6]}, outcome.rows[0].values)
        self.assertEqual({"a": "1 errors"}, outcome.failures)

    def test_what_does_not_open_fails_as_a_whole(self):
        outcome = self.play(Scripted({"a": [1]}, opens=False))
        self.assertEqual({"all": "no port"}, outcome.failures)
        self.assertEqual({}, outcome.rows[0].values)


class Table(unittest.TestCase):
    def outcomes(self) -> list[Outcome]:
        failed = Outcome("bulk", [Row("rate", "download", "MiB/s", True, Goal(least=1))],
                         {"culvert": "3 errors"})
        failed.rows[0].values = {"direct": [9.0], "nginx": [5.0]}
        return [Outcome("plain", [row(Goal(least=1.0))]), failed]

    def lines(self, builds) -> list[list[str]]:
        return [line.split() for line in report.table(self.outcomes(), builds).split("\n")]

    def test_a_line_per_figure(self):
        head, plain, bulk = self.lines(["culvert"])
        self.assertEqual(["workload", "figure", "direct", "culvert", "nginx", "haproxy", "against",
                          "ratio", "(least…most)", "goal"], head)
        self.assertEqual(["plain", "requests,", "/s", "905", "240", "120", "90", "nginx", "2.00",
                          "(1.50…2.00)", "≥", "1", "met"], plain)
        self.assertEqual(["bulk", "download,", "MiB/s", "9", "–", "5", "–", "–", "–", "≥", "1",
                          "failed"], bulk)

    def test_columns_stand_under_each_other(self):
        lines = report.table(self.outcomes(), ["culvert"]).split("\n")
        self.assertEqual(1, len({line.index("≥") for line in lines[1:]}))

    def test_builds_beside_each_other(self):
        outcomes = self.outcomes()
        self.assertEqual("", report.builds_table(outcomes, ["culvert"]))
        outcomes[0].rows[0].values["before"] = [100, 110, 120]
        lines = report.builds_table(outcomes, ["culvert", "before"]).split("\n")
        self.assertEqual(["plain", "requests,", "/s", "2.00", "(2.00…3.00)"],
                         lines[1].split())

    def test_failures_are_said(self):
        self.assertEqual(["bulk: culvert failed: 3 errors"], report.failures(self.outcomes()))

    def test_the_document_has_every_round(self):
        document = json.loads(json.dumps(report.document(self.outcomes(), ["culvert"], took=1)))
        plain, bulk = document["rows"]
        self.assertEqual([200, 330, 240], plain["rounds"]["culvert"])
        self.assertEqual({"median": 2.0, "least": 1.5, "most": 2.0}, plain["ratio"]["culvert"])
        self.assertTrue(plain["met"])
        self.assertIsNone(bulk["ratio"]["culvert"])
        self.assertEqual([{"workload": "bulk", "contestant": "culvert", "why": "3 errors"}],
                         document["failures"])


if __name__ == "__main__":
    unittest.main()
