# What a run needs and does not find, with the command that brings it: run.sh builds and installs
# nothing. Also what is written into the report of the machine and of the programs.
import datetime
import hashlib
import json
import os
import pathlib
import platform
import re
import resource
import subprocess

from tests.bench import process
from tests.bench.generator import built
from tests.bench.peers import nginx, portkey
from tests.bench.peers.culvert import Culvert

DESCRIPTORS = 16500
BUILD = "cmake --preset release -DCULVERT_TESTS=ON && cmake --build --preset release"
APT = "apt-get install nginx-light libnginx-mod-stream haproxy openssl util-linux"


def missing(builds: list[Culvert], workloads: list[str]) -> list[str]:
    """One sentence per thing; none when everything is there."""
    found = [f"{path} is not there; build it: {BUILD}"
             for path in [*(build.path for build in builds), built("bench_load"),
                          built("bench_upstream")] if not os.access(path, os.X_OK)]
    found += [f"{build.path} is built with a sanitizer; measure a Release build: {BUILD}"
              for build in builds if os.access(build.path, os.X_OK) and sanitized(build.path)]
    programs = ["nginx", "haproxy", "openssl", "setpriv", "taskset"]
    found += [f"{name} is not installed: {APT}" for name in programs if not process.program(name)]
    if "tunnel" in workloads and not nginx.stream_module():
        found.append(f"nginx's stream module is not installed: {APT}")
    if "gateway" in workloads and not (process.program("node") and portkey.PROGRAM.exists()):
        found.append("Portkey's gateway is not installed: apt-get install nodejs npm && "
                     "(cd tests/bench/portkey && npm ci)")
    return found + machine_lacks()


def machine_lacks() -> list[str]:
    found = []
    cores = os.sched_getaffinity(0)
    wanted = {process.PROXY_CORE, process.LOAD_CORE}
    if len(wanted) < 2 or not wanted <= cores:
        found.append(f"two cores are needed, one for the proxy and one for the load, and this "
                     f"process may use {sorted(cores)}; CULVERT_BENCH_CORES=2,4 names others")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < DESCRIPTORS:
        found.append(f"{DESCRIPTORS} open files are needed, the limit is {most}: ulimit -Hn")
    return found


def raise_descriptors() -> None:
    """For all children: 5,000 connections on either side of a proxy."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def sanitized(path: str) -> bool:
    data = pathlib.Path(path).read_bytes()
    return b"__asan_init" in data or b"__tsan_init" in data


def first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).split("\n")[0]


def machine() -> dict:
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def portkey_version() -> str:
    package = portkey.PROGRAM.parents[1] / "package.json"
    return json.loads(package.read_text())["version"] if package.exists() else "not installed"


def programs(builds: list[Culvert]) -> dict:
    """Versions, and of the relay's builds what tells two of one version apart."""
    found = {build.name: f"{first_line(build.path, '--version')}, sha256 "
                         f"{hashlib.sha256(pathlib.Path(build.path).read_bytes()).hexdigest()[:12]}"
             for build in builds}
    return found | {
        "nginx": first_line(process.program("nginx"), "-v"),
        "haproxy": first_line(process.program("haproxy"), "-v"),
        "portkey": portkey_version(),
        "openssl": first_line(process.program("openssl"), "version"),
    }
