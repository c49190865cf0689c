# A program as a child on one core: started, awaited by its port, ended by its pid. Owned by the
# run, which ends it whatever happens; the kernel does so if the run itself is killed.
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time


def cores() -> tuple[int, int]:
    """Of the proxy and of load and upstream: the first two that this process may use, or those of
    CULVERT_BENCH_CORES, "2,4", where the first two are threads of one core."""
    named = os.environ.get("CULVERT_BENCH_CORES")
    found = [int(core) for core in named.split(",")] if named else sorted(os.sched_getaffinity(0))
    return found[0], found[min(1, len(found) - 1)]


PROXY_CORE, LOAD_CORE = cores()
GUARD_SECONDS = 60.0
LOOPBACK = "127.0.0.1"


class Failed(Exception):
    """A measurement that gives no figure, and why."""


def program(name: str) -> str | None:
    """Where it is installed; /usr/sbin is not on every user's path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


_given: set[int] = set()


def free_port() -> int:
    """Another one each time: after a load of short connections few are left, and the kernel soon
    names one that it has named before."""
    while True:
        with socket.create_server((LOOPBACK, 0)) as server:
            port = server.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def environment(**more) -> dict:
    """Nothing of the caller's own but what programs need to run."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | more


def pinned(command: list[str], core: int) -> list[str]:
    """setpriv and taskset become the program, so that the pid is its own."""
    return ["setpriv", "--pdeathsig", "TERM", "taskset", "--cpu-list", str(core), *command]


class Process:
    """Its standard error goes to a file of `folder`; its standard output, where the access log of
    some goes, to /dev/null or `stdout`."""

    def __init__(self, name: str, command: list[str], core: int, folder: pathlib.Path,
                 env: dict | None = None, stdout=subprocess.DEVNULL):
        self.name = name
        self._errors = folder / f"{name}.stderr"
        with open(self._errors, "ab") as errors:
            self.child = subprocess.Popen(pinned(command, core), env=env or environment(),
                                          stdin=subprocess.DEVNULL, stdout=stdout, stderr=errors,
                                          cwd=folder)

    @property
    def pid(self) -> int:
        return self.child.pid

    def last_words(self) -> str:
        return " | ".join(self._errors.read_text("utf-8", "replace").splitlines()[-5:])

    def wait_for_port(self, port: int) -> None:
        """Until somebody accepts there; Failed if the program ends before."""
        deadline = time.monotonic() + GUARD_SECONDS
        while not accepts(port):
            if self.child.poll() is not None:
                raise Failed(f"{self.name} ended with {self.child.returncode}: "
                             f"{self.last_words()}")
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} does not listen: {self.last_words()}")
            time.sleep(0.002)

    def stop(self) -> None:
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        if self.child.stdout:
            self.child.stdout.close()


def accepts(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=GUARD_SECONDS).close()
    except ConnectionRefusedError:
        return False
    return True
