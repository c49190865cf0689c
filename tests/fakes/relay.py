# The real relay as a test's child process: started from CULVERT_RELAY (or build/bin/culvert-relay)
# with an environment or a configuration file, its metrics readable. What every child has is
# child.py's. Owned by one test; two threads read the child's output.
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from typing import Callable

from tests.fakes.child import HANG_GUARD_SECONDS, Child, base_environment, program
from tests.fakes.metrics import Metrics


def binary() -> str:
    return os.environ.get("CULVERT_RELAY") or program("culvert-relay")


def spool_dump() -> str:
    tree = pathlib.Path(__file__).resolve().parents[2]
    return os.environ.get("CULVERT_SPOOL_DUMP") or str(tree / "build/release/tests/spool_dump")


def sanitized() -> bool:
    """Built with a sanitizer, which keeps memory that was freed."""
    data = pathlib.Path(binary()).read_bytes()
    return b"__asan_init" in data or b"__tsan_init" in data


def run_once(*arguments: str, env: dict | None = None, timeout: float = HANG_GUARD_SECONDS):
    """For --check, --version and starts that must fail: the CompletedProcess with texts."""
    return subprocess.run([binary(), *arguments], env=base_environment() | (env or {}),
                          capture_output=True, text=True, timeout=timeout)


class Relay(Child):
    """`env` is added to the defaults below; `config` is YAML text (written to a file that
    `self.config_file` names). A default of the environment is left out where the configuration has
    the setting itself."""

    NAME = "the relay"
    DEFAULTS = {
        "CULVERT_LISTEN": ("http://127.0.0.1:0", "listen:"),
        "CULVERT_ADMIN_LISTEN": ("127.0.0.1:0", "admin_listen:"),
        "CULVERT_WORKERS": ("2", "workers:"),
        "CULVERT_DRAIN_TIMEOUT": ("5s", "drain"),
    }

    def __init__(self, env: dict | None = None, config: str | None = None, arguments=(),
                 expect_exit: int | None = 0, start: bool = True):
        super().__init__(expect_exit)
        self.config_file = None
        self.command = [binary(), *arguments]
        if config is not None:
            self.config_file = os.path.join(self.folder, "relay.yaml")
            self.write_config(config)
            self.command += ["--config", self.config_file]
        self.env["CULVERT_STATE_DIR"] = os.path.join(self.folder, "state")
        for name, (value, setting) in self.DEFAULTS.items():
            if not config or not re.search(rf"^\s*{setting}", config, re.MULTILINE):
                self.env[name] = value
        self.env |= {name: value for name, value in (env or {}).items() if value is not None}
        if start:
            self.start()

    def sighup(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def write_config(self, text: str) -> None:
        """Replaces the configuration file at once, as an editor would; sighup() makes it count."""
        draft = self.config_file + ".new"
        pathlib.Path(draft).write_text(text)
        os.replace(draft, self.config_file)

    # -- where it listens

    def addresses(self, scheme: str) -> list[str]:
        """"host:port" of each listener with the scheme, in the order they were opened."""
        return [line["address"] for line in list(self.log)
                if line.get("msg") == "listening" and line.get("scheme") == scheme]

    @property
    def http(self) -> str:
        return self.addresses("http")[0]

    @property
    def https(self) -> str:
        return self.addresses("https")[0]

    @property
    def admin(self) -> str:
        return self.addresses("admin")[0]

    # -- the admin listener

    def admin_get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{self.admin}{path}",
                                        timeout=HANG_GUARD_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def usage_records(self) -> list[dict]:
        """What stands in its spool, oldest first."""
        folder = os.path.join(self.env["CULVERT_STATE_DIR"], "usage")
        done = subprocess.run([spool_dump(), folder], capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def metrics(self) -> Metrics:
        status, text = self.admin_get("/metrics")
        assert status == 200, f"/metrics answered {status}"
        return Metrics(text)

    def wait_for_metric(self, predicate: Callable[[Metrics], bool]) -> Metrics:
        """Asks again until `predicate` holds: for what is counted just after an answer was sent."""
        until = time.monotonic() + HANG_GUARD_SECONDS
        while not predicate(metrics := self.metrics()):
            assert time.monotonic() < until, f"hang guard: never what was awaited: {metrics.text}"
        return metrics
