# What a client must see, and what it may cost, said a second time and in few words: the tests hold
# the relay to this and not to what it happens to do. Pure.
from dataclasses import dataclass

from tests.integration.failover.failures import Failure, Kind


@dataclass(frozen=True)
class Request:
    method: str = "POST"
    large: bool = False  # more than the relay keeps to send it again
    pool: bool = False   # the relay's keys pay, and not the caller's own

    def __str__(self) -> str:
        return f"{self.method}{' large' if self.large else ''}{' pool' if self.pool else ''}"


WELL = None  # instead of a failure


@dataclass(frozen=True)
class Seen:
    """By the client, and by the upstreams in their order."""

    status: int
    stage: str | None
    whole: bool
    vendors: bool           # the answer is the vendor's own, not an error that the relay made
    tries: tuple[int, ...]  # of each upstream, by the relay's log
    calls: tuple[int, ...]  # of each target, by its own record


def again(failure: Failure, request: Request) -> bool:
    """May the same request be sent a second time after this?"""
    if failure.kind is Kind.NOT_TAKEN:
        return True
    if failure.kind is Kind.UNKNOWN:
        return request.method == "GET"
    if failure.kind is Kind.STATUS or (failure.refuses_key and request.pool):
        return not request.large
    return False


def shown(failure: Failure | None, request: Request) -> tuple[int, str | None, bool, bool]:
    """Status, stage, whole, the vendor's own: where nothing else is tried."""
    if failure is WELL:
        return 200, None, True, True
    if failure.refuses_key and request.pool:  # what is said to the relay's key is not the caller's
        return (429 if failure.status == 429 else 503), "limit", True, False
    return (failure.status, failure.stage, failure.kind is not Kind.CUT,
            failure.kind in (Kind.STATUS, Kind.FINAL, Kind.CUT))


def along(steps: list[Failure | None], request: Request) -> tuple[Failure | None, int]:
    """One try after the other: the one that the client sees, and how many there were."""
    for number, failure in enumerate(steps, 1):
        if failure is WELL or not again(failure, request):
            return failure, number
    return steps[-1], len(steps)


def reached(failure: Failure | None) -> int:
    return 1 if failure is WELL or failure.reaches else 0


def alone(failure: Failure, request: Request, attempts: int) -> Seen:
    """One upstream with one target and, for a pool, one key: a key that was refused has its chance
    only once."""
    once = failure.certain or (failure.refuses_key and request.pool)
    tries = attempts if again(failure, request) and not once else 1
    return Seen(*shown(failure, request), (tries,), (tries * reached(failure),))


def two_targets(failure: Failure, request: Request, attempts: int) -> Seen:
    """The other target is well. What is said to a key would be said there too."""
    if failure.refuses_key or not again(failure, request):
        last = alone(failure, request, attempts)
        return Seen(last.status, last.stage, last.whole, last.vendors, last.tries,
                    (*last.calls, 0))
    return Seen(*shown(WELL, request), (2,), (reached(failure), 1))


def in_turn(failures: list[Failure], request: Request) -> Seen:
    """Upstreams of a route, each with a single key; the last of all, behind these, is well."""
    steps = [*failures, WELL]
    last, tries = along(steps, request)
    made = [1 if number < tries else 0 for number in range(len(steps))]
    calls = [made[number] * reached(step) for number, step in enumerate(steps)]
    return Seen(*shown(last, request), tuple(made), tuple(calls))


def at_one_target(failures: list[Failure], request: Request, ways: int = 1) -> Seen:
    """The target fails in these ways one after the other, then it is well. By so many strategies:
    the next one's turn is after a connection that was not made."""
    steps, way = [*failures, WELL], 1
    last, tries = along(steps, request)
    for number, step in enumerate(steps[:tries], 1):
        if step is WELL:
            break
        other_way = step.kind is Kind.NOT_TAKEN and way < ways
        if step.certain and not other_way:
            last, tries = step, number
            break
        way = way + 1 if other_way else 1
    return Seen(*shown(last, request), (tries,), (sum(reached(step) for step in steps[:tries]),))
