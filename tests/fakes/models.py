# The model server as a Python test's child process: started with or without TLS, told what to do,
# asked what it saw, ended by its pid. Owned by one test. The program itself is model_server.py,
# what it can be told is in rules.py, what it answers about itself in records.py and control_api.py.
import http.client
import json
import pathlib
import signal
import subprocess
import sys

from tests.fakes.certs import Certificate

PROGRAM = pathlib.Path(__file__).with_name("model_server.py")
HANG_GUARD_SECONDS = 90.0


class Models:
    """`url` is what PROXY_…_TARGET takes. `keys`: the only credentials it takes (none given:
    any)."""

    def __init__(self, certificate: Certificate | None = None, keys=(), behave=(), host="127.0.0.1",
                 arguments=()):
        command = [sys.executable, str(PROGRAM), "--with-parent", "--host", host,
                   "--keys", ",".join(keys), "--behave", json.dumps(list(behave)), *arguments]
        if certificate is not None:
            command += ["--cert", certificate.cert, "--key", certificate.key]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the model server ended with {self.process.wait()}")
        told = json.loads(line)
        self.address, self.control = told["listening"], told["control"]
        self.port = int(self.address.rpartition(":")[2])
        self.url = f"https://localhost:{self.port}" if certificate else f"http://{self.address}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(HANG_GUARD_SECONDS)
        self.process.stdout.close()
        assert code == 0, f"the model server ended with {code}"

    # -- steering

    def behave(self, *rules: dict, **rule) -> None:
        """Adds rules (see rules.py): behave(path="*/messages", times=2, status=429,
        retry_after=7)."""
        self._ask("POST", "behave", [*rules, *([rule] if rule else [])])

    def behave_well(self) -> None:
        """No rules any more."""
        self._ask("DELETE", "behave")

    def release(self) -> int:
        """Everything that stands still goes on; how many stood."""
        return self._ask("POST", "release")["released"]

    def reset(self) -> None:
        """No rules, no records of what is over, nothing standing still."""
        self._ask("POST", "reset")

    # -- asking

    def requests(self, **fields) -> list[dict]:
        """All exchanges so far, those with these values only: requests(key="sk-1",
        state="aborted")."""
        return [e for e in self._ask("GET", "requests")["requests"]
                if all(e[name] == value for name, value in fields.items())]

    def connections(self) -> list[dict]:
        return self._ask("GET", "requests")["connections"]

    def counts(self) -> dict:
        return self._ask("GET", "counts")

    def wait(self, **counts: int) -> dict:
        """Until each count (Book.counts() in records.py) has at least this value."""
        query = "&".join(f"{name}={number}" for name, number in counts.items())
        return self._ask("GET", f"wait?{query}")

    def _ask(self, method: str, what: str, body=None) -> dict:
        link = http.client.HTTPConnection(self.control, timeout=HANG_GUARD_SECONDS)
        try:
            link.request(method, f"/__fake/{what}", json.dumps(body) if body is not None else None)
            answer = link.getresponse()
            value = json.loads(answer.read())
        finally:
            link.close()
        if answer.status == 408:
            raise AssertionError(f"hang guard: waited for {what}, there is {value}")
        if answer.status != 200:
            raise AssertionError(f"the model server refused {what}: {value}")
        return value
