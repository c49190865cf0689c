# What all workloads share: who takes part, how they are started and ended, and the two ways to load
# a server whose requests are alike. The run's own settings are in Run, which every workload gets.
import contextlib
import http.client
import pathlib
from dataclasses import dataclass, field
from typing import Callable

from tests.bench import traffic
from tests.bench.figures import DIRECT, Row
from tests.bench.generator import Aim, Load, Upstream
from tests.bench.peers.culvert import Culvert
from tests.bench.peers.direct import Direct
from tests.bench.peers.haproxy import Haproxy
from tests.bench.peers.nginx import Nginx
from tests.bench.peers.setup import NAME, Running, Setup
from tests.bench.process import GUARD_SECONDS, LOOPBACK, Failed
from tests.fakes import certs

WARM_UP_SECONDS = 0.2


@dataclass
class Run:
    """`seconds` is of one measurement; `builds` are the relay's, the one that is judged first."""

    folder: pathlib.Path
    upstream: Upstream
    builds: list[Culvert]
    rounds: int = 5
    seconds: float = 0.7
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
    """What a load reported."""

    report: dict

    @property
    def per_second(self) -> float:
        return self.report["per_second"]

    @property
    def cpu_us(self) -> float | None:
        """Of the proxy for each operation; None where there was none."""
        if "proxy_cpu" not in self.report:
            return None
        return self.report["proxy_cpu"] * 1e6 / self.per_second

    def latency(self, name: str) -> float:
        return self.report["latency_us"][name]


def ask(running: Running, setup: Setup) -> None:
    """One request on a connection of its own, as the first that a fresh process answers."""
    if setup.client_tls:
        context = certs.authority().client_context()
        link = http.client.HTTPSConnection(NAME, running.port, timeout=GUARD_SECONDS,
                                           context=context)
    else:
        link = http.client.HTTPConnection(LOOPBACK, running.port, timeout=GUARD_SECONDS)
    with contextlib.closing(link):
        try:
            link.request("POST", traffic.PATH, traffic.chat(), dict(traffic.HEADERS))
            status = link.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"the first request: {error!r}") from None
    if status != 200:
        raise Failed(f"the first request is answered by {status}")


def load(mode: str, running: Running, aim: Aim, seconds: float, *words,
         warm_up: float = WARM_UP_SECONDS) -> Taken:
    """One measurement of requests that are all alike."""
    with Load(mode, aim, "--seconds", seconds, "--warmup", warm_up, *words,
              watched=running.pid) as one:
        return Taken(one.finish())
