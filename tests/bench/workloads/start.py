# start: from exec to the first request that was answered through the upstream, and what is resident
# then. The goals are absolute.
import time

from tests.bench import proc
from tests.bench.figures import Goal, Row
from tests.bench.workloads.base import Base, Run, ask


class Start(Base):
    def rows(self) -> list[Row]:
        return [Row("time", "exec to first answer", "ms", False, Goal(most=100, absolute=True)),
                Row("rss", "resident then", "MiB", False, Goal(most=15, absolute=True), places=1),
                Row("pss", "the same, shared pages by their share", "MiB", False, places=1)]

    def contestants(self) -> list[str]:
        return [proxy.name for proxy in self.proxies()]

    def open(self) -> None:
        self.by_name = {proxy.name: proxy for proxy in self.proxies()}
        self.certificates_are_made()

    def certificates_are_made(self) -> None:
        """Not within the time that is measured."""
        setup = self.setup()
        assert setup.certificate and setup.ca_file

    def measure(self, contestant: str):
        begun = time.monotonic()
        running = self.start(self.by_name[contestant], self.setup())
        ask(running, self.setup())
        took = time.monotonic() - begun
        yield "time", contestant, took * 1000
        yield "rss", contestant, proc.rss_kib(running.pid) / 1024
        yield "pss", contestant, proc.pss_kib(running.pid) / 1024
        self.stop(contestant)



def start(run: Run) -> Start:
    return Start(run, "start", "time to the first answer, and memory")
