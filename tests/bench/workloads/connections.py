# handshake and cold: a new TLS 1.3 connection for every request, and for cold a new one upstream
# too. The load's core does as many handshakes as the proxy's and more, so that the rate says little
# of the proxy: goals are of its CPU time per connection, where 1.1 times as good is 1/1.1 of it.
from tests.bench import traffic
from tests.bench.figures import Goal, Row
from tests.bench.peers.setup import Setup
from tests.bench.process import Failed
from tests.bench.workloads.base import Base, Run, load

CONNECTIONS = 16
TENTH_BETTER = Goal(most=round(1 / 1.1, 2))


class Handshake(Base):
    """Full and resumed. The upstream is plain, and its connections are kept."""

    KINDS = {"full": ("--new-connection",), "resumed": ("--new-connection", "--resume")}
    GOALS = {"full": TENTH_BETTER, "resumed": Goal(most=1.0)}

    def setup(self) -> Setup:
        return self.run.setup(client_tls=True)

    def rows(self) -> list[Row]:
        return [row for kind in self.KINDS for row in (
            Row(f"{kind}-cpu", f"{kind}: CPU per connection", "µs", False, self.GOALS[kind]),
            Row(f"{kind}-rate", f"{kind}: connections", "/s", True))]

    def open(self) -> None:
        self.body = self.run.body("chat", traffic.chat())
        super().open()

    def measure(self, contestant: str):
        running = self.running[contestant]
        for kind, words in self.KINDS.items():
            taken = load("closed", running, self.aim(running, body_file=self.body),
                         self.run.seconds, "--connections", CONNECTIONS, *words)
            self.hold(kind, taken.report)
            yield f"{kind}-cpu", contestant, taken.cpu_us
            yield f"{kind}-rate", contestant, taken.per_second

    @staticmethod
    def hold(kind: str, report: dict) -> None:
        """That sessions were resumed, or were not. The first ones of a run have none yet."""
        least = report["handshakes"] - 2 * CONNECTIONS if kind == "resumed" else 0
        if report["resumed"] < least or (kind == "full" and report["resumed"]):
            raise Failed(f"{kind}: {report['resumed']} of {report['handshakes']} were resumed")


class Cold(Base):
    """The upstream ends its connections with each answer; their TLS sessions may be resumed."""

    def setup(self) -> Setup:
        return self.run.setup(client_tls=True, up_tls=True)

    def rows(self) -> list[Row]:
        return [Row("cpu", "CPU per request", "µs", False, TENTH_BETTER),
                Row("rate", f"requests/s, {CONNECTIONS} at once", "/s", True)]

    def open(self) -> None:
        self.body = self.run.body("close", traffic.chat("close"))
        super().open()

    def measure(self, contestant: str):
        running = self.running[contestant]
        taken = load("closed", running, self.aim(running, body_file=self.body), self.run.seconds,
                     "--connections", CONNECTIONS, "--new-connection")
        yield "cpu", contestant, taken.cpu_us
        yield "rate", contestant, taken.per_second


def handshake(run: Run) -> Handshake:
    return Handshake(run, "handshake", "a new TLS 1.3 connection per request, full and resumed")


def cold(run: Run) -> Cold:
    return Cold(run, "cold", "new TLS connections at both sides for each request")
