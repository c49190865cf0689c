# growth: what a request costs when there is more of everything: client connections, routes, keys.
# The relay against itself at the smallest number, in the same round.
import time
from dataclasses import dataclass

from tests.bench import proc, traffic
from tests.bench.figures import Goal, Row
from tests.bench.generator import Load
from tests.bench.workloads.base import WARM_UP_SECONDS, Base, Run, Taken, load
from tests.bench.workloads.keep_alive import CONNECTIONS

FLAT = Goal(most=1.1)
MEMORY = ("before", "during", "after")


@dataclass(frozen=True)
class Axis:
    name: str
    sizes: tuple[int, ...]

    def key(self, size: int) -> str:
        return f"{self.name}-{size}"

    def base(self) -> str:
        return f"at {self.sizes[0]}"

    def rows(self) -> list[Row]:
        """The smallest has nothing to be compared with."""
        return [Row(self.key(size), f"CPU per request, {self.name}: {size:,}", "µs", False,
                    FLAT if size == self.sizes[-1] else None, base="{} " + self.base(),
                    compared=size != self.sizes[0], places=1) for size in self.sizes]


CLIENTS = Axis("connections", (1, 10, 100, 1000, 5000))
BUSY = 100  # one connection wakes the relay for each request: more of them cost less at first
ROUTES = Axis("routes", (10, 100, 1000, 10000))
KEYS = Axis("keys", (1, 10, 100, 1000))


class Growth(Base):
    def rows(self) -> list[Row]:
        most = CLIENTS.sizes[-1]
        busy = Row("busy", f"CPU per request, connections: {most:,}", "µs", False,
                   base="{} at " + str(BUSY), places=1)
        return [*(row for axis in (CLIENTS, ROUTES, KEYS) for row in axis.rows()), busy,
                *(Row(f"rate-{size}", f"requests/s, connections: {size:,}", "/s", True,
                      compared=False) for size in CLIENTS.sizes),
                *(Row(when, f"resident {when} {most:,} connections", "MiB", False, compared=False,
                      places=1) for when in MEMORY)]

    def contestants(self) -> list[str]:
        return [build.name for build in self.run.builds]

    def open(self) -> None:
        self.body = self.run.body("chat", traffic.chat())
        self.by_name = {build.name: build for build in self.run.builds}
        for axis, field in ((ROUTES, "routes"), (KEYS, "keys")):
            for size in axis.sizes:
                for build in self.run.builds:
                    setup = self.run.setup(**{field: size})
                    self.start(build, setup, f"{build.name} {axis.key(size)}")

    def measure(self, contestant: str):
        yield from self.clients(contestant)
        for axis in (ROUTES, KEYS):
            first = None
            for size in axis.sizes:
                running = self.running[f"{contestant} {axis.key(size)}"]
                taken = load("closed", running, self.aim(running, body_file=self.body),
                             self.run.seconds, "--connections", CONNECTIONS)
                first = taken.cpu_us if first is None else first
                yield from self.beside(axis, size, contestant, taken.cpu_us, first)

    @staticmethod
    def beside(axis: Axis, size: int, contestant: str, cpu_us: float, first: float):
        yield axis.key(size), contestant, cpu_us
        yield axis.key(size), f"{contestant} {axis.base()}", first

    def clients(self, contestant: str):
        """A fresh process, whose memory is read before, at the height of, and after its load."""
        running = self.start(self.by_name[contestant], self.setup())
        yield "before", contestant, proc.rss_kib(running.pid) / 1024
        first = during = None
        for size in CLIENTS.sizes:
            with Load("closed", self.aim(running, body_file=self.body), "--connections", size,
                      "--seconds", self.run.seconds, "--warmup", WARM_UP_SECONDS,
                      watched=running.pid) as one:
                one.wait_for_ready()
                time.sleep(self.run.seconds / 2)
                during = proc.rss_kib(running.pid) / 1024
                taken = Taken(one.finish())
            first = taken.cpu_us if first is None else first
            yield from self.beside(CLIENTS, size, contestant, taken.cpu_us, first)
            yield f"rate-{size}", contestant, taken.per_second
            if size == BUSY:
                yield "busy", f"{contestant} at {BUSY}", taken.cpu_us
        yield "busy", contestant, taken.cpu_us
        yield "during", contestant, during
        yield "after", contestant, proc.rss_kib(running.pid) / 1024
        self.stop(contestant)


def growth(run: Run) -> Growth:
    return Growth(run, "growth", "cost of a request with more connections, routes and keys")
