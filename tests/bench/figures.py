# Numbers of interleaved rounds and what is said of them: medians, ratios per round with their
# spread, and whether a goal is met. Pure; figures_test.py holds it.
import statistics
from dataclasses import dataclass, field

DIRECT = "direct"  # the generator straight at the upstream: what no proxy can be better than
PEERS = ("nginx", "haproxy")


@dataclass(frozen=True)
class Spread:
    """Of one value per round: the median, and the least and the greatest."""

    median: float
    least: float
    most: float


def spread(values) -> Spread | None:
    """None where no round has a value."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(statistics.median(known), min(known), max(known))


def ratios(values, base) -> list[float | None]:
    """Round by round; None where one of the two is missing or the base is no size to compare with,
    as an added latency of nothing is none."""
    return [None if value is None or other is None or other <= 0 else value / other
            for value, other in zip(values, base)]


@dataclass(frozen=True)
class Goal:
    """`least` and `most` bound the ratio, or the value itself where `absolute`."""

    least: float | None = None
    most: float | None = None
    absolute: bool = False

    def met(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and \
            (self.most is None or value <= self.most)


@dataclass
class Row:
    """One figure of one workload. `values` has a list per contestant with one value per round, in
    the order of the rounds. The ratio is to `base`, a name of `values` in which {} stands for the
    subject; without one, to the better of the peers."""

    key: str  # within its workload
    figure: str
    unit: str
    more_is_better: bool
    goal: Goal | None = None
    base: str | None = None
    compared: bool = True  # False: a ratio would have no meaning
    places: int = 0        # decimals that are worth printing
    values: dict[str, list] = field(default_factory=dict)

    def add(self, contestant: str, value: float | None) -> None:
        self.values.setdefault(contestant, []).append(value)

    def drop(self, contestant: str) -> None:
        """And what was kept beside it under a name that begins with its own."""
        for name in list(self.values):
            if name == contestant or name.startswith(contestant + " "):
                del self.values[name]

    def spread_of(self, contestant: str) -> Spread | None:
        return spread(self.values.get(contestant, ()))

    def better_peer(self) -> str | None:
        """By the median of the run."""
        known = {peer: self.spread_of(peer) for peer in PEERS if self.spread_of(peer)}
        if not known:
            return None
        choose = max if self.more_is_better else min
        return choose(known, key=lambda peer: known[peer].median)

    def base_of(self, subject: str) -> str | None:
        if not self.compared:
            return None
        return self.base.format(subject) if self.base else self.better_peer()

    def ratio(self, subject: str, base: str | None = None) -> Spread | None:
        """Of the subject to `base`, or to what the row is judged by."""
        base = base or self.base_of(subject)
        if base is None or subject not in self.values or base not in self.values:
            return None
        return spread(ratios(self.values[subject], self.values[base]))

    def met(self, subject: str) -> bool | None:
        """None where there is no goal, or nothing to judge by."""
        if self.goal is None:
            return None
        judged = self.spread_of(subject) if self.goal.absolute else self.ratio(subject)
        return None if judged is None else self.goal.met(judged.median)
