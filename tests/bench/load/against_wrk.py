# Holds bench_load against wrk on the same work: `python3 -m tests.bench.load.against_wrk [rounds]`.
# POST of 1 KiB over kept HTTP connections, 64 of them, both generators on the upstream's core, in
# turns. Their own cost is the difference: the rates of both, and the CPU time that each generator
# and the upstream took for a request. For people, not for ctest: it measures.
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

from tests.bench.load.load_test import FOLDER, Upstream

SECONDS = "2"
CONNECTIONS = "64"
CORE = max(os.sched_getaffinity(0))
SCRIPT = """wrk.method = "POST"
wrk.body = string.rep("a", 1024)
wrk.headers["Content-Type"] = "application/json"
function done(summary)
  local errors = summary.errors
  local count = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"requests":%d,"us":%d,"errors":%d}', summary.requests,
                         summary.duration, count))
end
"""


def cpu_us(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def run(command: list) -> tuple[dict, float]:
    """What it printed last, and its CPU time in microseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(out[out.rindex("\n{") + 1 if "\n{" in out else 0:]), used * 1e6


def main() -> None:
    os.sched_setaffinity(0, {CORE})
    upstream = Upstream()
    to = f"127.0.0.1:{upstream.ports[False]}"
    ratios = []
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        wrk = ["wrk", "-t1", "-c", CONNECTIONS, "-d", SECONDS, "-s", script.name, f"http://{to}/v1"]
        own = [FOLDER / "bench_load", "closed", "--to", to, "--connections", CONNECTIONS,
               "--seconds", SECONDS]
        for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
            figures = []
            for command in (wrk, own):
                before = cpu_us(upstream.process.pid)
                said, used = run(command)
                served = cpu_us(upstream.process.pid) - before
                rate = said["requests"] / said["us"] * 1e6 if "us" in said else said["per_second"]
                figures.append((rate, used / said["requests"], served / said["requests"],
                                said["errors"]))
            ratios.append(figures[1][0] / figures[0][0])
            for name, figure in zip(("wrk", "bench_load"), figures):
                print("{:10} {:9.0f}/s  own {:5.2f} µs  upstream {:5.2f} µs  errors {}".format(
                    name, *figure))
    upstream.close()
    print(f"bench_load / wrk: median {statistics.median(ratios):.2f}, "
          f"{min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
