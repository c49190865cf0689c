# plain and tls: small requests on connections that are kept on both sides. Throughput and CPU time
# come from a closed loop, latency from an open one at a rate that every contestant can carry: in a
# closed loop a slow answer delays the very requests that would have shown it.
from dataclasses import dataclass, field

from tests.bench import traffic
from tests.bench.figures import DIRECT, Goal, Row
from tests.bench.peers.setup import Setup
from tests.bench.workloads.base import Base, load

CONNECTIONS = 64


@dataclass
class KeepAlive(Base):
    tls: bool = False
    rate: int = 0          # requests a second of the open loop
    goals: dict = field(default_factory=dict)

    def setup(self) -> Setup:
        return self.run.setup(client_tls=self.tls, up_tls=self.tls)

    def rows(self) -> list[Row]:
        return [
            Row("rate", f"requests/s, {CONNECTIONS} connections", "/s", True, self.goals["rate"]),
            Row("cpu", "CPU per request", "µs", False, self.goals["cpu"], places=1),
            Row("p50", f"p50 at {self.rate:,}/s", "µs", False),
            Row("p99", f"p99 at {self.rate:,}/s", "µs", False, compared=False),
            Row("added", "p99 added to direct", "µs", False, self.goals["added"]),
        ]

    def open(self) -> None:
        self.body = self.run.body("chat", traffic.chat())
        super().open()

    def measure(self, contestant: str):
        running = self.running[contestant]
        aim = self.aim(running, body_file=self.body)
        closed = load("closed", running, aim, self.run.seconds, "--connections", CONNECTIONS)
        yield "rate", contestant, closed.per_second
        yield "cpu", contestant, closed.cpu_us
        steady = load("open", running, aim, self.run.seconds, "--connections", CONNECTIONS,
                      "--rate", self.rate)
        p99 = steady.latency("p99")
        yield "p50", contestant, steady.latency("p50")
        yield "p99", contestant, p99
        if contestant == DIRECT:
            self._direct_p99 = p99
        else:
            yield "added", contestant, p99 - self._direct_p99


def plain(run) -> KeepAlive:
    return KeepAlive(run, "plain", "HTTP to HTTP, keep-alive, 1 KiB up, 600 B down", tls=False,
                     rate=8000, goals={"rate": Goal(least=1.0), "cpu": Goal(most=1.0),
                                       "added": Goal(most=1.0)})


def tls(run) -> KeepAlive:
    return KeepAlive(run, "tls", "the same, TLS 1.3 on both sides", tls=True, rate=4000,
                     goals={"rate": Goal(least=1.1), "cpu": Goal(most=0.9),
                            "added": Goal(most=1.0)})
