# The real relay as a test's child process: started from CULVERT_RELAY (or build/bin/culvert-relay)
# with an environment or a configuration file, ready when it says so, its logs and metrics readable,
# ended by its pid and held to exit 0 and to a clean sanitizer report. Owned by one test; two
# threads read the child's output. Nothing here sleeps: every wait is for a line or for the process,
# with a hang guard.
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from typing import Callable

from tests.fakes.metrics import Metrics

HANG_GUARD_SECONDS = 60.0
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:",
                   "MemorySanitizer", "UndefinedBehaviorSanitizer")


def binary() -> str:
    return os.environ.get("CULVERT_RELAY") or str(REPOSITORY / "build/bin/culvert-relay")


def sanitized() -> bool:
    """Built with a sanitizer, which keeps memory that was freed."""
    data = pathlib.Path(binary()).read_bytes()
    return b"__asan_init" in data or b"__tsan_init" in data


def run_once(*arguments: str, env: dict | None = None, timeout: float = HANG_GUARD_SECONDS):
    """For --check, --version and starts that must fail: the CompletedProcess with texts."""
    return subprocess.run([binary(), *arguments], env=base_environment() | (env or {}),
                          capture_output=True, text=True, timeout=timeout)


def base_environment() -> dict:
    """What every relay of a test gets; nothing else of the test's own environment but the
    sanitizers' options, so that a variable of the developer's shell (OPENAI_API_KEYS!) never
    changes a test."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
            "LSAN_OPTIONS", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ}


class Relay:
    """`env` is added to the defaults below; `config` is YAML text (written to a file that
    `self.config_file` names). A default of the environment is left out where the configuration has
    the setting itself. Use as a context manager, or `Relay.for_test(self, …)` in a
    unittest.TestCase, which prints the relay's log when that test fails."""

    DEFAULTS = {
        "CULVERT_LISTEN": ("http://127.0.0.1:0", "listen:"),
        "CULVERT_ADMIN_LISTEN": ("127.0.0.1:0", "admin_listen:"),
        "CULVERT_WORKERS": ("2", "workers:"),
        "CULVERT_DRAIN_TIMEOUT": ("5s", "drain"),
    }

    def __init__(self, env: dict | None = None, config: str | None = None, arguments=(),
                 expect_exit: int | None = 0, start: bool = True):
        self._folder = tempfile.mkdtemp(prefix="culvert-relay-")
        self.config_file = None
        self.arguments = list(arguments)
        if config is not None:
            self.config_file = os.path.join(self._folder, "relay.yaml")
            self.write_config(config)
            self.arguments += ["--config", self.config_file]
        self.env = base_environment() | {"CULVERT_STATE_DIR": os.path.join(self._folder, "state")}
        for name, (value, setting) in self.DEFAULTS.items():
            if not config or not re.search(rf"^\s*{setting}", config, re.MULTILINE):
                self.env[name] = value
        self.env |= {name: value for name, value in (env or {}).items() if value is not None}
        self.expect_exit = expect_exit
        self.log: list[dict] = []        # stderr, JSON lines
        self.access_log: list[dict] = []  # stdout, JSON lines
        self.stderr_text: list[str] = []  # stderr, every line as it came
        self.stdout_text: list[str] = []
        self._changed = threading.Condition()
        self.process: subprocess.Popen | None = None
        if start:
            self.start()

    @classmethod
    def for_test(cls, test, *args, **kwargs) -> "Relay":
        """A relay that ends with `test`; its log is printed if the test failed by then."""
        relay = cls(*args, **kwargs)

        def finish():
            passed = getattr(getattr(test, "_outcome", None), "success", True)
            relay.close(failed=not passed)

        test.addCleanup(finish)
        return relay

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close(failed=kind is not None)

    # -- life

    def start(self) -> None:
        self.process = subprocess.Popen([binary(), *self.arguments], env=self.env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self._ended_streams = 0
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stderr, self.stderr_text,
                                                      self.log), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stdout, self.stdout_text,
                                                      self.access_log), daemon=True)]
        for reader in self._readers:
            reader.start()
        try:
            self.wait_for_message("ready")
        except AssertionError:
            self.print_log()
            self.kill()
            raise

    @property
    def pid(self) -> int:
        return self.process.pid

    def sighup(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def terminate(self) -> None:
        """Asks for a drain; wait_exit() waits for its end."""
        self.process.send_signal(signal.SIGTERM)

    def wait_exit(self) -> int:
        code = self.process.wait(HANG_GUARD_SECONDS)
        for reader in self._readers:
            reader.join(HANG_GUARD_SECONDS)
        return code

    def kill(self) -> None:
        """The last resort, for a child that would outlive its test."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.wait_exit()
            self.process.stdout.close()
            self.process.stderr.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self, failed: bool = False) -> None:
        """Ends the relay as an operator would and holds it to exit 0 and no sanitizer report."""
        if self.process is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        try:
            if self.process.poll() is None:
                self.terminate()
            code = self.wait_exit()
            report = [line for line in self.stderr_text if any(w in line for w in SANITIZER_WORDS)]
            wrong = self.expect_exit is not None and code != self.expect_exit
            if failed or wrong or report:
                self.print_log()
            assert not report, f"sanitizer report: {report[0]}"
            assert not wrong, f"the relay ended with {code}, not {self.expect_exit}"
        except subprocess.TimeoutExpired:
            self.print_log()
            raise AssertionError("hang guard: the relay did not end after SIGTERM") from None
        finally:
            self.kill()

    def print_log(self) -> None:
        print("---- the relay's stderr", *self.stderr_text, "---- its access log",
              *self.stdout_text, "----", sep="\n", file=sys.stderr, flush=True)

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

    # -- what it says

    def _read(self, stream, texts: list, objects: list) -> None:
        for raw in stream:
            text = raw.decode("utf-8", "replace").rstrip("\n")
            try:
                value = json.loads(text)
            except ValueError:
                value = None
            with self._changed:
                texts.append(text)
                if isinstance(value, dict):
                    objects.append(value)
                self._changed.notify_all()
        with self._changed:
            self._ended_streams += 1
            self._changed.notify_all()

    def _wait(self, lines: list, predicate: Callable[[dict], bool], count: int, what: str) -> list:
        found: list = []

        def happened():
            found[:] = [line for line in lines if predicate(line)]
            return len(found) >= count or self._ended_streams == 2

        with self._changed:
            in_time = self._changed.wait_for(happened, HANG_GUARD_SECONDS)
        if len(found) < count:
            why = "the relay ended" if in_time else "hang guard"
            raise AssertionError(f"{why}: {len(found)} of {count} {what}; "
                                 f"last lines: {[*lines[-3:]]} {self.stderr_text[-5:]}")
        return found

    def wait_for_log(self, predicate: Callable[[dict], bool] = lambda line: True,
                     count: int = 1) -> list[dict]:
        """Waits until `count` access log lines match, and gives all that do."""
        return self._wait(self.access_log, predicate, count, "access log lines")

    def wait_for_message(self, msg: str, count: int = 1, **fields) -> list[dict]:
        """The same for the operational log: lines with this `msg` and these fields."""
        return self._wait(self.log, lambda line: line.get("msg") == msg and all(
            line.get(k) == v for k, v in fields.items()), count, f"log lines {msg!r} {fields}")

    # -- the admin listener

    def admin_get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{self.admin}{path}",
                                        timeout=HANG_GUARD_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self) -> Metrics:
        status, text = self.admin_get("/metrics")
        assert status == 200, f"/metrics answered {status}"
        return Metrics(text)

    def wait_for_metric(self, predicate: Callable[[Metrics], bool]) -> Metrics:
        """Asks again until `predicate` holds: for what is counted just after an answer was sent."""
        for _ in range(20_000):
            if predicate(metrics := self.metrics()):
                return metrics
        raise AssertionError("hang guard: the metrics never came to what was awaited")
