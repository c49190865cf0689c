# The table that people read and the document that programs read. Pure; report_test.py holds it.
from tests.bench.figures import DIRECT, PEERS, Goal, Row, Spread
from tests.bench.rounds import ALL, Outcome

NONE = "–"
CELL_BETWEEN = "  "


def number(value: float | None, places: int) -> str:
    return NONE if value is None else f"{value:,.{places}f}"


def spread_text(found: Spread | None, places: int = 2) -> str:
    if found is None:
        return NONE
    return f"{found.median:.{places}f} ({found.least:.{places}f}…{found.most:.{places}f})"


def goal_text(goal: Goal | None, unit: str) -> str:
    if goal is None:
        return NONE
    sign, bound = ("≥", goal.least) if goal.least is not None else ("≤", goal.most)
    return f"{sign} {bound:g}" + (f" {unit}" if goal.absolute else "")


def met_text(met: bool | None) -> str:
    return {None: NONE, True: "met", False: "NOT met"}[met]


def against(row: Row, subject: str) -> str:
    """What the ratio is to; with its value where no column has it."""
    base = row.base_of(subject)
    if base is None or base not in row.values:
        return NONE
    if base in PEERS:
        return base
    return f"{base} {number(row.spread_of(base).median, row.places)}"


def cells(outcome: Outcome, row: Row, builds: list[str]) -> list[str]:
    subject = builds[0]
    medians = [row.spread_of(name) for name in (DIRECT, *builds, *PEERS)]
    judged = not {subject, ALL} & outcome.failures.keys()
    return [outcome.workload, f"{row.figure}, {row.unit}",
            *(number(found and found.median, row.places) for found in medians),
            against(row, subject) if judged else NONE, spread_text(row.ratio(subject)),
            goal_text(row.goal, row.unit), met_text(row.met(subject)) if judged else "failed"]


def aligned(lines: list[list[str]], right: range) -> list[str]:
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    return [CELL_BETWEEN.join(cell.rjust(width) if n in right else cell.ljust(width)
                              for n, (cell, width) in enumerate(zip(line, widths))).rstrip()
            for line in lines]


def table(outcomes: list[Outcome], builds: list[str]) -> str:
    head = ["workload", "figure", DIRECT, *builds, *PEERS, "against", "ratio (least…most)", "goal",
            ""]
    lines = [head] + [cells(outcome, row, builds)
                      for outcome in outcomes for row in outcome.rows]
    return "\n".join(aligned(lines, range(2, 3 + len(builds) + len(PEERS))))


def builds_table(outcomes: list[Outcome], builds: list[str]) -> str:
    """The first build against each of the others, figure by figure; "" where it is alone."""
    if len(builds) < 2:
        return ""
    first, *others = builds
    lines = [["workload", "figure", *(f"{first} / {other}" for other in others)]]
    for outcome in outcomes:
        for row in outcome.rows:
            found = [row.ratio(first, other) for other in others]
            if any(found):
                lines.append([outcome.workload, f"{row.figure}, {row.unit}",
                              *(spread_text(one) for one in found)])
    return "\n".join(aligned(lines, range(0)))


def failures(outcomes: list[Outcome]) -> list[str]:
    return [f"{outcome.workload}: {contestant} failed: {why}"
            for outcome in outcomes for contestant, why in outcome.failures.items()]


def as_spread(found: Spread | None) -> dict | None:
    return found and {"median": found.median, "least": found.least, "most": found.most}


def row_document(outcome: Outcome, row: Row, builds: list[str]) -> dict:
    goal = row.goal
    return {
        "workload": outcome.workload, "figure": row.figure, "key": row.key, "unit": row.unit,
        "more_is_better": row.more_is_better,
        "rounds": row.values,
        "medians": {name: found.median for name in row.values if (found := row.spread_of(name))},
        "against": row.base_of(builds[0]),
        "ratio": {name: as_spread(row.ratio(name)) for name in builds},
        "to_builds": {name: as_spread(row.ratio(builds[0], name)) for name in builds[1:]},
        "goal": goal and {"least": goal.least, "most": goal.most, "absolute": goal.absolute},
        "met": row.met(builds[0]),
    }


def document(outcomes: list[Outcome], builds: list[str], **more) -> dict:
    return {**more, "builds": builds,
            "rows": [row_document(outcome, row, builds)
                     for outcome in outcomes for row in outcome.rows],
            "failures": [{"workload": outcome.workload, "contestant": contestant, "why": why}
                         for outcome in outcomes
                         for contestant, why in outcome.failures.items()]}
