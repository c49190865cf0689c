# gateway: the work that users give to Portkey's gateway, done by the relay: HTTP in, a key put in
# its place, HTTP out, on one core each.
from tests.bench import traffic
from tests.bench.figures import Goal, Row
from tests.bench.peers import portkey
from tests.bench.peers.portkey import Portkey
from tests.bench.workloads.base import Base, Run, load

CONNECTIONS = 32
WARM_UP_SECONDS = 1.0  # a JIT compiler has to see the work first


class Gateway(Base):
    def proxies(self) -> list:
        return [*self.run.builds, Portkey()]

    def rows(self) -> list[Row]:
        return [Row("rate", f"requests/s, {CONNECTIONS} connections", "/s", True, Goal(least=20),
                    base=Portkey.name),
                Row("cpu", "CPU per request", "µs", False, base=Portkey.name, places=1)]

    def open(self) -> None:
        self.body = self.run.body("chat", traffic.chat())
        super().open()

    def measure(self, contestant: str):
        running = self.running[contestant]
        headers = portkey.headers(self.setup()) if contestant == Portkey.name else traffic.HEADERS
        taken = load("closed", running, self.aim(running, body_file=self.body, headers=headers),
                     self.run.seconds, "--connections", CONNECTIONS, warm_up=WARM_UP_SECONDS)
        yield "rate", contestant, taken.per_second
        yield "cpu", contestant, taken.cpu_us


def gateway(run: Run) -> Gateway:
    return Gateway(run, "gateway", "the relay beside Portkey's gateway, HTTP on both sides")
