# bulk and tunnel: many bytes on one connection, as HTTP over TLS on both sides, or through a proxy
# that only passes them on. One body after the other; what counts is what came in the window.
from tests.bench.figures import Goal, Row
from tests.bench.peers.direct import Direct
from tests.bench.peers.setup import Running, Setup
from tests.bench.workloads.base import Base, Run, Taken, load

BODY_BYTES = 100 << 20


def carried(base: Base, running: Running, direction: str, **aim) -> Taken:
    return load("bulk", running, base.aim(running, **aim), base.run.seconds, "--connections", 1,
                "--bytes", BODY_BYTES, "--direction", direction, warm_up=0.1)


def readings(key: str, contestant: str, taken: Taken):
    rate = taken.report["mib_per_second"]
    yield f"{key}-rate", contestant, rate
    if "proxy_cpu" in taken.report:
        yield f"{key}-cpu", contestant, taken.report["proxy_cpu"] / rate * 1024 * 1000


def rows_of(key: str, text: str, goal: Goal | None) -> list[Row]:
    return [Row(f"{key}-rate", text, "MiB/s", True, goal),
            Row(f"{key}-cpu", f"{text}: CPU per GiB", "ms", False)]


class Bulk(Base):
    DIRECTIONS = {"down": "download", "up": "upload"}

    def setup(self) -> Setup:
        return self.run.setup(client_tls=True, up_tls=True, carries="bulk")

    def rows(self) -> list[Row]:
        return [row for key, text in self.DIRECTIONS.items()
                for row in rows_of(key, text, Goal(least=1.0))]

    def measure(self, contestant: str):
        for direction in self.DIRECTIONS:
            taken = carried(self, self.running[contestant], direction)
            yield from readings(direction, contestant, taken)


class Tunnel(Base):
    """The load's core makes and takes all bytes, and for `sni` encrypts them: the rate is mostly
    its own, the CPU time per GiB is the proxy's."""

    KINDS = {"tcp": "TCP", "sni": "TLS by name"}

    def open(self) -> None:
        for kind in self.KINDS:
            for contestant in (Direct(), *self.proxies()):
                self.start(contestant, self.run.setup(tunnel=kind), f"{contestant.name} {kind}")

    def rows(self) -> list[Row]:
        return [row for key, text in self.KINDS.items() for row in rows_of(key, text, None)]

    def measure(self, contestant: str):
        for kind in self.KINDS:
            taken = carried(self, self.running[f"{contestant} {kind}"], "down",
                            tls=kind == "sni")
            yield from readings(kind, contestant, taken)


def bulk(run: Run) -> Bulk:
    return Bulk(run, "bulk", f"{BODY_BYTES >> 20} MiB down and up, TLS on both sides")


def tunnel(run: Run) -> Tunnel:
    return Tunnel(run, "tunnel", "bytes passed on, of TCP and of TLS chosen by its server name")
