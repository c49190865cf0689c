# The program `culvert` and the fake control service as child processes of a test: CULVERT and
# FAKE_ADMIN name them, else they are looked for in the build tree. Each test has a service and a
# home folder of its own; nothing of the developer's environment but PATH reaches the program.
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from tests.fakes import certs

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
HANG_GUARD_SECONDS = 60.0
UPSTREAM = """kind: Upstream
name: model
spec:
  dialect: openai
  targets:
    - url: https://model.example
"""
POOL = """kind: KeyPool
name: pool
spec:
  upstream: model
  keys: ["sk-the-first-key-of-all-1234"]
"""
ROUTE = """kind: Route
name: chat
spec:
  match:
    path_prefix: /chat
  to:
    - upstream: model
"""
ALL = "---\n".join((UPSTREAM, POOL, ROUTE))


def program() -> str:
    return os.environ.get("CULVERT") or str(REPOSITORY / "build/bin/culvert")


def fake_program() -> str:
    return os.environ.get("FAKE_ADMIN") or str(REPOSITORY / "build/release/tests/fake-admin")


class Service:
    """The fake on a free port (or one that is given); ended by the end of its standard input."""

    def __init__(self, certificate: certs.Certificate | None = None, port: int = 0):
        pair = certificate or certs.server()
        self.process = subprocess.Popen([fake_program(), pair.cert, pair.key, str(port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        assert words[:1] == ["listening"], f"the fake did not start: {words}"
        self.port = int(words[1])
        self.address = f"127.0.0.1:{self.port}"

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(HANG_GUARD_SECONDS)
        self.process.stdout.close()


class CliTest(unittest.TestCase):
    TOKEN = "admin-token-of-the-fake"

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="culvert-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.service = self.start_service()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TERM": "xterm",
                    "CULVERT_SERVER": self.service.address,
                    "CULVERT_CA": certs.authority().ca_file, "CULVERT_TOKEN": self.TOKEN}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def start_service(self, **arguments) -> Service:
        service = Service(**arguments)
        self.addCleanup(service.close)
        return service

    def file(self, text: str, name: str = "c.yaml") -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    def run_cli(self, *arguments: str, stdin: str = "", env: dict | None = None):
        """The CompletedProcess; a variable given as None is taken away."""
        variables = {k: v for k, v in (self.env | (env or {})).items() if v is not None}
        return subprocess.run([program(), *arguments], env=variables, input=stdin, text=True,
                              capture_output=True, timeout=HANG_GUARD_SECONDS, cwd=self.folder)

    def ok(self, *arguments: str, **more) -> str:
        done = self.run_cli(*arguments, **more)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def fails(self, status: int, *arguments: str, **more) -> str:
        """Standard error of a run that ends with this status."""
        done = self.run_cli(*arguments, **more)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stderr

    def json(self, *arguments: str, **more):
        return json.loads(self.ok(*arguments, "--output", "json", **more))

    def start(self, *arguments: str) -> subprocess.Popen:
        """For what runs on; ended with the test."""
        child = subprocess.Popen([program(), *arguments], env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def end():
            child.kill()
            child.wait(HANG_GUARD_SECONDS)
            child.stdout.close()
            child.stderr.close()

        self.addCleanup(end)
        return child
