# idle: what a TLS client costs that only stays connected. Each has asked once, so that what a
# request leaves behind is counted, and what a server gives back once they are silent is not. Memory
# does not change from round to round as time does, so that two are enough.
import time

from tests.bench import proc, traffic
from tests.bench.figures import Goal, Row
from tests.bench.generator import Load
from tests.bench.peers.setup import Setup
from tests.bench.workloads.base import Base, Run, ask

CLIENTS = 5000
SETTLES_SECONDS = 1.5


class Idle(Base):
    def setup(self) -> Setup:
        return self.run.setup(client_tls=True)

    def rounds(self, asked: int) -> int:
        return min(asked, 2)

    def rows(self) -> list[Row]:
        return [Row("rss", f"resident per connection, {CLIENTS:,} of them", "KiB", False,
                    Goal(most=1.0), places=1),
                Row("pss", "the same, shared pages by their share", "KiB", False, places=1)]

    def contestants(self) -> list[str]:
        return [proxy.name for proxy in self.proxies()]

    def open(self) -> None:
        self.body = self.run.body("chat", traffic.chat())
        self.by_name = {proxy.name: proxy for proxy in self.proxies()}

    def measure(self, contestant: str):
        running = self.start(self.by_name[contestant], self.setup())
        aim = self.aim(running, body_file=self.body)
        ask(running, self.setup())
        before = self.memory(running.pid)
        with Load("idle", aim, "--connections", CLIENTS) as held:
            held.wait_for_ready()
            during = self.settled(running.pid)
            held.end()
            held.finish()
        self.stop(contestant)
        for key, most, least in zip(("rss", "pss"), during, before):
            yield key, contestant, (most - least) / CLIENTS

    def settled(self, pid: int) -> tuple[int, int]:
        """Once it falls no further."""
        before = self.memory(pid)
        while True:
            time.sleep(SETTLES_SECONDS)
            now = self.memory(pid)
            if now[0] > before[0] * 0.99:
                return now
            before = now

    @staticmethod
    def memory(pid: int) -> tuple[int, int]:
        return proc.rss_kib(pid), proc.pss_kib(pid)


def idle(run: Run) -> Idle:
    return Idle(run, "idle", f"{CLIENTS:,} idle TLS clients: memory of each")
