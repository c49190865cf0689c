# sse and burst: many event streams at once, TLS on both sides. Each event carries the time at which
# the upstream wrote it. Processes are fresh for each measurement, so that memory begins at the same
# place; event loops that carried thousands of streams before would have it already.
import time
from dataclasses import dataclass

from tests.bench import proc, traffic
from tests.bench.figures import DIRECT, Goal, Row
from tests.bench.generator import Load
from tests.bench.peers.direct import Direct
from tests.bench.peers.setup import Running, Setup
from tests.bench.workloads.base import Base, Run, Taken, ask, load

EVENT_BYTES = 150
RAMP_SECONDS = 40.0  # 5,000 handshakes of 4 ms at both sides; who needs longer does not carry it


@dataclass(frozen=True)
class Shape:
    streams: int
    rate: int  # events a second of each

    @property
    def text(self) -> str:
        return f"{self.streams:,} × {self.rate}/s"


THOUSAND, FIVE_THOUSAND = Shape(1000, 20), Shape(5000, 5)
BURST_PER_SECOND = 100


class Streams(Base):
    """What sse and burst share: one contestant, started, warmed, loaded and ended."""

    def setup(self) -> Setup:
        return self.run.setup(client_tls=True, up_tls=True, carries="streams")

    def open(self) -> None:
        self.body = self.run.body("chat", traffic.chat())
        self.by_name = {one.name: one for one in (Direct(), *self.proxies())}

    @property
    def seconds(self) -> float:
        return 2 * self.run.seconds

    def streaming(self, running: Running, shape: Shape) -> Load:
        """Longer than the slowest takes to open them all: what is measured ends with cut()."""
        return Load("sse", self.aim(running), "--connections", shape.streams, "--rate", shape.rate,
                    "--events", round(shape.rate * 2 * RAMP_SECONDS), "--bytes", EVENT_BYTES,
                    watched=running.pid)

    def fresh(self, contestant: str) -> Running:
        running = self.start(self.by_name[contestant], self.setup())
        ask(running, self.setup())
        return running


class Sse(Streams):
    def rows(self) -> list[Row]:
        return [row for shape in (THOUSAND, FIVE_THOUSAND) for row in self.rows_of(shape)]

    @staticmethod
    def rows_of(shape: Shape) -> list[Row]:
        key, text = str(shape.streams), shape.text
        rows = [Row(f"{key}-cpu", f"{text}: CPU per event", "µs", False, Goal(most=0.8), places=1),
                Row(f"{key}-rss", f"{text}: resident per stream", "KiB", False, Goal(most=1.0),
                    places=1),
                Row(f"{key}-p50", f"{text}: p50", "µs", False),
                Row(f"{key}-p99", f"{text}: p99", "µs", False, compared=False)]
        if shape is THOUSAND:
            rows.append(Row(f"{key}-added", f"{text}: p50 added to direct", "µs", False,
                            Goal(most=0.8)))
        return rows

    def measure(self, contestant: str):
        yield from self.of_shape(contestant, THOUSAND)
        # 5,000 handshakes only to see the generator's own delay would be a tenth of the whole run.
        if contestant != DIRECT:
            yield from self.of_shape(contestant, FIVE_THOUSAND)

    def of_shape(self, contestant: str, shape: Shape):
        running = self.fresh(contestant)
        before = proc.rss_kib(running.pid) if running.pid else 0
        with self.streaming(running, shape) as streaming:
            streaming.wait_for_ready(RAMP_SECONDS)
            time.sleep(self.seconds / 2)
            during = proc.rss_kib(running.pid) if running.pid else 0
            time.sleep(self.seconds / 2)
            streaming.cut()
            taken = Taken(streaming.finish())
        self.stop(contestant)
        key, p50 = shape.streams, taken.latency("p50")
        yield f"{key}-p50", contestant, p50
        yield f"{key}-p99", contestant, taken.latency("p99")
        if contestant == DIRECT:
            self._direct_p50 = p50
            return
        yield f"{key}-cpu", contestant, taken.cpu_us
        yield f"{key}-rss", contestant, (during - before) / shape.streams
        if shape is THOUSAND:
            yield f"{key}-added", contestant, p50 - self._direct_p50


class Burst(Streams):
    """The relay alone: its goal is an absolute one."""

    def rows(self) -> list[Row]:
        return [Row("quiet", f"{THOUSAND.text}: p99 without", "µs", False, compared=False),
                Row("busy", f"p99 with {BURST_PER_SECOND} handshakes/s", "µs", False,
                    compared=False),
                Row("added", "p99 added by the handshakes", "µs", False,
                    Goal(most=1000, absolute=True), compared=False)]

    def contestants(self) -> list[str]:
        return [build.name for build in self.run.builds]

    def measure(self, contestant: str):
        running = self.fresh(contestant)
        with self.streaming(running, THOUSAND) as streaming:
            streaming.wait_for_ready(RAMP_SECONDS)
            time.sleep(self.seconds)
            streaming.cut()
            quiet = Taken(streaming.finish()).latency("p99")
        with self.streaming(running, THOUSAND) as streaming:
            streaming.wait_for_ready(RAMP_SECONDS)
            load("open", running, self.aim(running, body_file=self.body), self.seconds,
                 "--connections", 32, "--rate", BURST_PER_SECOND, "--new-connection", warm_up=0)
            streaming.cut()
            busy = Taken(streaming.finish()).latency("p99")
        self.stop(contestant)
        yield "quiet", contestant, quiet
        yield "busy", contestant, busy
        yield "added", contestant, busy - quiet


def sse(run: Run) -> Sse:
    return Sse(run, "sse", f"event streams, {THOUSAND.text} and {FIVE_THOUSAND.text}, TLS")


def burst(run: Run) -> Burst:
    return Burst(run, "burst", f"event streams while {BURST_PER_SECOND} clients a second arrive")
