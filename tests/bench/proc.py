# What /proc says of a process and all its children: CPU time to the nanosecond, memory. Read while
# they run; a process that ends meanwhile counts for nothing.
import pathlib

PROC = pathlib.Path("/proc")


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
