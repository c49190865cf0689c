# The generator and the upstream as children: bench_load's modes as calls that give its report, or
# Failed where there was an error. An operation that failed would make a figure look better than it
# is, so none is tolerated.
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
from dataclasses import dataclass

from tests.bench import proc, process
from tests.bench.peers.setup import NAME, Setup
from tests.bench.process import Failed
from tests.fakes import certs

TREE = pathlib.Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 120.0  # of one load: thousands of full handshakes of a slow proxy


def built(name: str) -> str:
    """CULVERT_BENCH names another folder than the Release build's."""
    return str(pathlib.Path(os.environ.get("CULVERT_BENCH") or TREE / "build/release/bench") / name)


@dataclass
class Aim:
    """Where a load goes and what it says; `headers` and `body` of HTTP."""

    port: int
    setup: Setup
    headers: tuple = ()
    path: str = "/v1/chat/completions"
    body_file: str = ""
    tls: bool | None = None  # None: as the setup's clients

    def arguments(self) -> list[str]:
        tls = self.setup.client_tls if self.tls is None else self.tls
        words = ["--to", f"{process.LOOPBACK}:{self.port}", "--method", "POST", "--path", self.path]
        words += ["--tls", "--ca", self.setup.ca_file, "--name", NAME] if tls else []
        for name, value in self.headers:
            words += ["--header", f"{name}: {value}"]
        return words + (["--body", self.body_file] if self.body_file else [])


class Load:
    """One run of bench_load, beside the CPU time of a process tree (`watched`, of a proxy) in the
    window that it measures: it says `ready` and `draining` on standard error at its ends."""

    def __init__(self, mode: str, aim: Aim, *words, watched: int | None = None):
        command = [built("bench_load"), mode, *aim.arguments(), *(str(word) for word in words)]
        self._watched = watched
        self.child = subprocess.Popen(
            process.pinned(command, process.LOAD_CORE), env=process.environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._said: list[str] = []
        self._marks: dict[str, tuple[int, int]] = {}  # word → time and CPU time in nanoseconds
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.child.stderr:
            word = line.strip()
            mark = (time.monotonic_ns(), proc.cpu_ns(self._watched) if self._watched else 0)
            with self._changed:
                self._said.append(word)
                self._marks[word] = mark
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for_ready(self, seconds: float = LONGEST_SECONDS) -> None:
        """Until all connections are there and what is measured begins."""
        with self._changed:
            self._changed.wait_for(lambda: "ready" in self._said or self._ended, seconds)
            if "ready" not in self._said:
                raise Failed(f"not all of its connections were at work within {seconds:.0f} s: "
                             f"{' | '.join(self._said[-3:])}")

    def end(self) -> None:
        """Of idle connections, which are asked once more before they go."""
        self.child.stdin.close()

    def cut(self) -> None:
        """The window ends now; streams that still run are left."""
        self.child.send_signal(signal.SIGTERM)

    def finish(self) -> dict:
        """Its report, with `proxy_cpu`: cores that the watched one used in the window."""
        try:
            self.child.wait(LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failed("bench_load did not end") from None
        finally:
            text = self.close()
        if self.child.returncode not in (0, 1) or not text:
            raise Failed(f"bench_load ended with {self.child.returncode}: "
                         f"{' | '.join(self._said[-3:])}")
        return checked(json.loads(text)) | self._proxy_cpu()

    def _proxy_cpu(self) -> dict:
        if not self._watched or not {"ready", "draining"} <= self._marks.keys():
            return {}
        (t0, cpu0), (t1, cpu1) = self._marks["ready"], self._marks["draining"]
        return {"proxy_cpu": (cpu1 - cpu0) / (t1 - t0)}

    def close(self) -> str:
        if self.child.stdout.closed:
            return ""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self._reader.join()
        text = self.child.stdout.read()
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            stream.close()
        return text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def checked(report: dict) -> dict:
    if report.get("errors"):
        raise Failed(f"{report['errors']} errors: {json.dumps(report.get('error_kinds'))}")
    lost = {kind: report[kind] for kind in ("out_of_order", "unstamped") if report.get(kind)}
    if lost:
        raise Failed(f"events were lost or changed: {json.dumps(lost)}")
    # A body of bulk may take longer than the window, in which its bytes count; so may an answer of
    # the open loop, whose time counts when it comes.
    what = {"bulk": "mib_per_second", "open": "answers"}.get(report["mode"], "operations")
    if not report[what]:
        raise Failed("not one operation was done")
    return report


class Upstream:
    """bench_upstream with both ports, on the load's core. Use as a context manager."""

    def __init__(self, folder: pathlib.Path):
        leaf = certs.server()
        self._process = process.Process(
            "upstream", [built("bench_upstream"), "--http", "0", "--https", "0", "--cert",
                         leaf.cert, "--key", leaf.key],
            process.LOAD_CORE, folder, stdout=subprocess.PIPE)
        line = self._process.child.stdout.readline()
        if not line:
            self._process.stop()
            raise Failed(f"the upstream does not start: {self._process.last_words()}")
        ports = json.loads(line)
        self.http, self.https = ports["http"], ports["https"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stop()
