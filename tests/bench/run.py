# The program behind run.sh: arguments in, one table out. Everything that it starts lives in one
# temporary folder and ends with it.
import argparse
import contextlib
import json
import pathlib
import signal
import sys
import tempfile
import time

from tests.bench import needs, report
from tests.bench.generator import Upstream
from tests.bench.peers.culvert import Culvert
from tests.bench.rounds import Outcome, play
from tests.bench.workloads.all import ALL
from tests.bench.workloads.base import Run


def named_build(text: str) -> Culvert:
    name, sign, path = text.partition("=")
    if not sign or not name or " " in name or name in ("direct", "nginx", "haproxy", "culvert"):
        raise argparse.ArgumentTypeError(
            f"{text}: NAME=PATH is wanted, with a name that is no other column's")
    return Culvert(name, str(pathlib.Path(path).resolve()))


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__, allow_abbrev=False)
    parser.add_argument("workload", nargs="*", help="which of --list; none: all")
    parser.add_argument("--list", action="store_true", help="say what each workload is, and end")
    parser.add_argument("--rounds", type=int, default=5, metavar="N",
                        help="interleaved rounds (5); fewer give no spread to judge by")
    parser.add_argument("--seconds", type=float, default=0.7, metavar="S",
                        help="of one measurement (0.7)")
    parser.add_argument("--culvert", type=named_build, action="append", default=[],
                        metavar="NAME=PATH", help="another build of the relay as a further column;"
                        " CULVERT_RELAY names the one that is judged")
    parser.add_argument("--access-log", choices=("on", "off"), default="on",
                        help="for all contestants (on)")
    parser.add_argument("--json", metavar="FILE", help="everything, round by round")
    found = parser.parse_args(words)
    unknown = [name for name in found.workload if name not in ALL]
    if unknown:
        parser.error(f"{', '.join(unknown)}: no such workload; there are {', '.join(ALL)}")
    if found.rounds < 1 or found.seconds < 0.1:
        parser.error("at least one round, of 0.1 seconds")
    return found


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def measured(wanted: list[str], options: argparse.Namespace, builds: list) -> list[Outcome]:
    with tempfile.TemporaryDirectory(prefix="culvert-bench-") as name:
        folder = pathlib.Path(name)
        with Upstream(folder) as upstream:
            run = Run(folder, upstream, builds, options.rounds, options.seconds,
                      options.access_log == "on", say)
            return [play(ALL[workload](run), options.rounds, say) for workload in wanted]


def main(words: list[str]) -> int:
    options = arguments(words)
    if options.list:
        for name, make in ALL.items():
            print(f"{name:10} {make(None).about}")
        return 0
    wanted = [name for name in ALL if name in options.workload or not options.workload]
    builds = [Culvert(), *options.culvert]
    if lacking := needs.missing(builds, wanted):
        print("run.sh: this is missing:", *lacking, sep="\n  ", file=sys.stderr)
        return 2
    # As an interrupt: what was started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    needs.raise_descriptors()
    begun = time.monotonic()
    outcomes = measured(wanted, options, builds)
    facts = {"machine": needs.machine(), "programs": needs.programs(builds),
             "options": {"rounds": options.rounds, "seconds": options.seconds,
                         "access_log": options.access_log},
             "took_seconds": round(time.monotonic() - begun)}
    show(outcomes, [build.name for build in builds], facts, options.json)
    return 1 if report.failures(outcomes) else 0


def show(outcomes: list[Outcome], builds: list[str], facts: dict, file: str | None) -> None:
    machine = facts["machine"]
    print(f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
          f"{machine['date']}, {facts['took_seconds']} s")
    print(*(f"{name}: {text}" for name, text in facts["programs"].items()), sep="\n")
    print(f"medians of {facts['options']['rounds']} rounds; access log "
          f"{facts['options']['access_log']}\n")
    print(report.table(outcomes, builds))
    for part in (report.builds_table(outcomes, builds), "\n".join(report.failures(outcomes))):
        if part:
            print("\n" + part)
    if file:
        text = json.dumps(report.document(outcomes, builds, **facts), indent=1)
        pathlib.Path(file).write_text(text + "\n")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
    sys.exit(130)
