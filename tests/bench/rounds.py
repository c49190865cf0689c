# Plays a workload in interleaved rounds: every contestant once, then all of them again, so that
# whatever else the machine does meets all alike. A contestant with an error has no figure.
from dataclasses import dataclass, field
from typing import Callable, Iterable, Protocol

from tests.bench.figures import Row
from tests.bench.process import Failed

ALL = "all"  # contestants, where a workload does not open
Reading = tuple[str, str, float | None]  # key of a row, contestant, value


class Workload(Protocol):
    """What it is made of; `open` starts what it needs, and `close` ends all of that."""

    name: str
    about: str

    def rows(self) -> list[Row]: ...
    def contestants(self) -> list[str]: ...
    def rounds(self, asked: int) -> int: ...
    def open(self) -> None: ...
    def measure(self, contestant: str) -> Iterable[Reading]: ...
    def close(self) -> None: ...


@dataclass
class Outcome:
    workload: str
    rows: list[Row]
    failures: dict[str, str] = field(default_factory=dict)  # contestant → why


def play(workload: Workload, rounds: int, say: Callable[[str], None]) -> Outcome:
    outcome = Outcome(workload.name, workload.rows())
    try:
        workload.open()
        for number in range(1, workload.rounds(rounds) + 1):
            say(f"{workload.name}: round {number}")
            _round(workload, outcome)
    except Failed as failed:
        outcome.failures[ALL] = str(failed)
    finally:
        workload.close()
    for contestant in outcome.failures:
        for row in outcome.rows:
            row.drop(contestant)
    return outcome


def _round(workload: Workload, outcome: Outcome) -> None:
    rows = {row.key: row for row in outcome.rows}
    for contestant in workload.contestants():
        if contestant in outcome.failures:
            continue
        try:
            for key, name, value in workload.measure(contestant):
                rows[key].add(name, value)
        except Failed as failed:
            outcome.failures[contestant] = str(failed)
