# A program of ours as a test's child process: ready when it says so, its JSON lines readable while
# they come, ended by its pid and held to exit 0 and to a clean sanitizer report. relay.py and
# control.py say which program. Nothing here sleeps: every wait is for a line or for the process,
# with a hang guard.
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from typing import Callable

HANG_GUARD_SECONDS = 60.0
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:",
                   "MemorySanitizer", "UndefinedBehaviorSanitizer")


def program(name: str) -> str:
    """Of the build under test: CULVERT_RELAY names its relay, the others lie beside it."""
    relay = os.environ.get("CULVERT_RELAY") or str(REPOSITORY / "build/bin/culvert-relay")
    return str(pathlib.Path(relay).with_name(name))


def base_environment() -> dict:
    """What every child of a test gets; nothing else of the test's own environment but the
    sanitizers' options, so that a variable of the developer's shell (OPENAI_API_KEYS!) never
    changes a test."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
            "LSAN_OPTIONS", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ}


class Child:
    """A subclass sets `command` and `env` and calls start(). Use as a context manager, or
    `Class.for_test(self, …)` in a unittest.TestCase, which prints the log when that test fails."""

    NAME = "the program"

    def __init__(self, expect_exit: int | None = 0):
        self.folder = tempfile.mkdtemp(prefix="culvert-test-")
        self.command: list[str] = []
        self.env = base_environment()
        self.expect_exit = expect_exit
        self._changed = threading.Condition()
        self.process: subprocess.Popen | None = None
        self._forget()

    def _forget(self) -> None:
        self.log: list[dict] = []         # stderr, JSON lines
        self.access_log: list[dict] = []  # stdout, JSON lines
        self.stderr_text: list[str] = []  # stderr, every line as it came
        self.stdout_text: list[str] = []

    @classmethod
    def for_test(cls, test, *args, **kwargs):
        """A child that ends with `test`; its log is printed if the test failed by then."""
        child = cls(*args, **kwargs)

        def finish():
            passed = getattr(getattr(test, "_outcome", None), "success", True)
            child.close(failed=not passed)

        test.addCleanup(finish)
        return child

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close(failed=kind is not None)

    # -- life

    def start(self) -> None:
        """Also again, after crash() or an end: the logs begin anew."""
        if self.process is not None:
            self.process.stdout.close()
            self.process.stderr.close()
            self._forget()
        self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
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

    def terminate(self) -> None:
        """Asks for a drain; wait_exit() waits for its end."""
        self.process.send_signal(signal.SIGTERM)

    def crash(self) -> None:
        """kill -9; what it had on disk stays for the next start()."""
        self.process.kill()
        self.wait_exit()

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
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self, failed: bool = False) -> None:
        """Ends it as an operator would and holds it to exit 0 and no sanitizer report."""
        if self.process is None:
            shutil.rmtree(self.folder, ignore_errors=True)
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
            assert not wrong, f"{self.NAME} ended with {code}, not {self.expect_exit}"
        except subprocess.TimeoutExpired:
            self.print_log()
            raise AssertionError(f"hang guard: {self.NAME} did not end after SIGTERM") from None
        finally:
            self.kill()

    def print_log(self) -> None:
        print(f"---- stderr of {self.NAME}", *self.stderr_text, "---- its stdout",
              *self.stdout_text, "----", sep="\n", file=sys.stderr, flush=True)

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
            why = f"{self.NAME} ended" if in_time else "hang guard"
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
