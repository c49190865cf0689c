# What all workloads share: who takes part, how they are started and ended, and the two ways to load
# a server whose requests are alike. The run's own settings are in Run, which every workload gets.
import contextlib
import pathlib
from dataclasses import dataclass, field
from typing import Callable

from tests.bench import traffic
from tests.bench.figures import DIRECT, Row
from tests.bench.load import Aim, Load, Upstream
from tests.bench.peers.culvert import Culvert
from tests.bench.peers.direct import Direct
from tests.bench.peers.haproxy import Haproxy
from tests.bench.peers.nginx import Nginx
from tests.bench.peers.setup import Running, Setup
from tests.bench.proc import CpuWatch

WARM_UP_SECONDS = 0.3


@dataclass
class Run:
    """`seconds` is of one measurement; `builds` are the relay's, the one that is judged first."""

    folder: pathlib.Path
    upstream: Upstream
    builds: list[Culvert]
    rounds: int = 5
    seconds: float = 1.0
    access_log: bool = True
    say: Callable[[str], None] = print

    def setup(self, **fields) -> Setup:
        return Setup(self.upstream.http, self.upstream.https, access_log=self.access_log, **fields)

    def body(self, name: str, content: bytes) -> str:
        path = self.folder / f"{name}.json"
        path.write_bytes(content)
        return str(path)


@dataclass
class Base:
    """A workload of the direct way, the builds and the peers. Subclasses say `name`, `about`,
    `rows` and `measure`, and which `setup` all are started with."""

    run: Run
    name: str = ""
    about: str = ""
    running: dict[str, Running] = field(default_factory=dict)

    # -- who takes part

    def proxies(self) -> list:
        return [*self.run.builds, Nginx(), Haproxy()]

    def contestants(self) -> list[str]:
        return [DIRECT, *(proxy.name for proxy in self.proxies())]

    def rounds(self, asked: int) -> int:
        return asked

    def setup(self) -> Setup:
        return self.run.setup()

    def rows(self) -> list[Row]:
        raise NotImplementedError

    # -- life

    def open(self) -> None:
        for contestant in (Direct(), *self.proxies()):
            self.start(contestant, self.setup())

    def start(self, contestant, setup: Setup, name: str | None = None) -> Running:
        name = name or contestant.name
        folder = self.run.folder / self.name / name.replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        self.running[name] = contestant.start(setup, folder)
        return self.running[name]

    def stop(self, name: str) -> None:
        if running := self.running.pop(name, None):
            running.stop()

    def close(self) -> None:
        for name in list(self.running):
            with contextlib.suppress(OSError):
                self.stop(name)

    # -- loads

    def aim(self, running: Running, **fields) -> Aim:
        fields = {"headers": traffic.HEADERS, "path": traffic.PATH} | fields
        return Aim(running.port, self.setup(), **fields)


@dataclass(frozen=True)
class Taken:
    """What a load reported, and the CPU time per operation of the proxy that carried it."""

    report: dict
    cpu_us: float | None

    @property
    def per_second(self) -> float:
        return self.report["per_second"]

    def latency(self, name: str) -> float:
        return self.report["latency_us"][name]


def load(mode: str, running: Running, aim: Aim, seconds: float, *words,
         warm_up: float = WARM_UP_SECONDS) -> Taken:
    """One measurement of a load that is steady between its warm-up and its end."""
    watch = CpuWatch(running.pid) if running.child else contextlib.nullcontext()
    with watch as cpu:
        report = Load(mode, aim, "--seconds", seconds, "--warmup", warm_up, *words).finish()
    if cpu is None:
        return Taken(report, None)
    start_ns, end_ns = report["window_ns"]
    return Taken(report, cpu.between(start_ns, end_ns) / 1000 / report["operations"])
