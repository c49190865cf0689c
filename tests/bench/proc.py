# What /proc says of a process and all its children: CPU time to the nanosecond, memory. Read while
# they run; a process that ends meanwhile counts for nothing.
import pathlib
import threading
import time

PROC = pathlib.Path("/proc")
EVERY_SECONDS = 0.02  # of the samples; reading costs the load's core about a percent


def family(pid: int) -> list[int]:
    """The process and all that it started, directly or not."""
    found = [pid]
    for parent in found:  # grows while it is walked
        for task in _tasks(parent):
            try:
                found += [int(child) for child in (task / "children").read_text().split()]
            except OSError:
                continue
    return found


def _tasks(pid: int) -> list[pathlib.Path]:
    try:
        return list((PROC / str(pid) / "task").iterdir())
    except OSError:
        return []


def _ran(task: pathlib.Path) -> int:
    try:
        return int((task / "schedstat").read_text().split()[0])
    except (OSError, IndexError):
        return 0


def cpu_ns(pid: int) -> int:
    """User and system time of all threads that live. The proxies keep their threads, so that no
    time is lost with one that ended; ticks of /proc/PID/stat would be 10 ms coarse."""
    return sum(_ran(task) for one in family(pid) for task in _tasks(one))


def _sum_kib(pid: int, file: str, name: str) -> int:
    total = 0
    for one in family(pid):
        try:
            lines = (PROC / str(one) / file).read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith(name))
    return total


def rss_kib(pid: int) -> int:
    """What is resident; pages that a parent and a child share count twice."""
    return _sum_kib(pid, "status", "VmRSS:")


def pss_kib(pid: int) -> int:
    """What is resident, shared pages by their share."""
    return _sum_kib(pid, "smaps_rollup", "Pss:")


class CpuWatch:
    """Samples the CPU time of a process tree on a thread, so that it can be cut to a window that is
    known only afterwards. Use as a context manager."""

    def __init__(self, pid: int):
        self.pid = pid
        self._samples: list[tuple[int, int]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        self._sample()

    def _watch(self) -> None:
        while True:
            self._sample()
            if self._ended.wait(EVERY_SECONDS):
                return

    def _sample(self) -> None:
        self._samples.append((time.monotonic_ns(), cpu_ns(self.pid)))

    def between(self, start_ns: int, end_ns: int) -> float:
        """Nanoseconds of CPU in a window of CLOCK_MONOTONIC, between samples by proportion."""
        return at(self._samples, end_ns) - at(self._samples, start_ns)


def at(samples: list[tuple[int, int]], when: int) -> float:
    """The value at a time, on the line between the samples around it; the nearest beyond them."""
    before = [sample for sample in samples if sample[0] <= when]
    after = [sample for sample in samples if sample[0] > when]
    if not before or not after:
        return float((before or after)[-1 if before else 0][1])
    (t0, v0), (t1, v1) = before[-1], after[0]
    return v0 + (v1 - v0) * (when - t0) / (t1 - t0)
