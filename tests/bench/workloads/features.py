# features: the relay against itself. What tls does, with routing by the body's model, a pool of 100
# keys with limits, and usage kept on disk; both with a relay token and metering.
from tests.bench import traffic
from tests.bench.figures import Goal, Row
from tests.bench.workloads.base import Base, Run, load
from tests.bench.workloads.keep_alive import CONNECTIONS


class Features(Base):
    def rows(self) -> list[Row]:
        return [Row("rate", f"requests/s, {CONNECTIONS} connections", "/s", True, Goal(least=0.85),
                    base="{} tls"),
                Row("cpu", "CPU per request", "µs", False, base="{} tls", places=1)]

    def contestants(self) -> list[str]:
        return [build.name for build in self.run.builds]

    def open(self) -> None:
        self.body = self.run.body("chat", traffic.chat())
        tls = {"client_tls": True, "up_tls": True}
        for build in self.run.builds:
            self.start(build, self.run.setup(**tls), f"{build.name} tls")
            self.start(build, self.run.setup(**tls, features=True, keys=100), build.name)

    def measure(self, contestant: str):
        for name in (f"{contestant} tls", contestant):
            running = self.running[name]
            taken = load("closed", running, self.aim(running, body_file=self.body, tls=True),
                         self.run.seconds, "--connections", CONNECTIONS)
            yield "rate", name, taken.per_second
            yield "cpu", name, taken.cpu_us


def features(run: Run) -> Features:
    return Features(run, "features", "tls with model routes, 100 keys, limits and usage on disk")
