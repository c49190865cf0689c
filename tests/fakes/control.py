# The real control service as a test's child process, made by its own `init`, and the operators'
# program pointed at it. Owned by one test.
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

from tests.fakes.child import HANG_GUARD_SECONDS, Child, base_environment, program
from tests.fakes.relay import Relay


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Control(Child):
    """Keeps its port over crash() and start(), as a service behind a name does."""

    NAME = "the control service"

    def __init__(self, expect_exit: int | None = 0, start: bool = True,
                 names=("localhost", "127.0.0.1"), listen: str = "127.0.0.1"):
        super().__init__(expect_exit)
        self.data = os.path.join(self.folder, "data")
        made = subprocess.run([program("culvert-control"), "init", "--data", self.data,
                               *(word for name in names for word in ("--name", name))],
                              env=self.env, capture_output=True, text=True,
                              timeout=HANG_GUARD_SECONDS)
        assert made.returncode == 0, made.stderr
        self.token = re.search(r"\bcvo_\w+", made.stdout)[0]
        self.address = f"localhost:{free_port()}"
        self.command = [program("culvert-control"), "run", "--data", self.data, "--listen",
                        self.address.replace("localhost", listen), "--web-listen",
                        "127.0.0.1:0"]
        if start:
            self.start()

    @property
    def ca(self) -> str:
        return os.path.join(self.data, "ca.pem")

    @property
    def web(self) -> str:
        return next(line["address"] for line in list(self.log)
                    if line.get("msg") == "listening" and line.get("scheme") == "http")

    def web_get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{self.web}{path}",
                                        timeout=HANG_GUARD_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    # -- as an operator

    def operator(self, *arguments: str, text: str = "", token: str | None = None, expect=(0,)):
        """Runs `culvert` and gives the CompletedProcess with texts."""
        env = base_environment() | {
            "CULVERT_SERVER": self.address, "CULVERT_CA": self.ca,
            "CULVERT_TOKEN": token or self.token, "XDG_CONFIG_HOME": self.folder}
        done = subprocess.run([program("culvert"), *arguments], input=text, env=env,
                              capture_output=True, text=True, timeout=HANG_GUARD_SECONDS)
        assert done.returncode in expect, \
            f"culvert {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def ask(self, *arguments: str):
        """What `culvert … --output json` says, as a value."""
        return json.loads(self.operator(*arguments, "--output", "json").stdout)

    def apply(self, yaml: str, *arguments: str, expect=(0,)):
        return self.operator("apply", "-f", "-", *arguments, text=yaml, expect=expect)

    def wait_for(self, question, holds):
        """Asks again until `holds(answer)`: for what a relay or the service does by itself."""
        until = time.monotonic() + HANG_GUARD_SECONDS
        while not holds(answer := question()):
            assert time.monotonic() < until, f"hang guard: {answer}"
        return answer

    # -- its relays

    def join(self, name: str, region: str = "eu-west", env: dict | None = None,
             expect_exit: int | None = 0, start: bool = True, config: str | None = None,
             within: tuple[str, ...] = ()) -> "JoinedRelay":
        """within: a command that the relay is run by, `ip netns exec …` say."""
        return JoinedRelay(self, name, region, env, expect_exit, start, config, within)


class JoinedRelay(Relay):
    """A relay that has joined the service under a name; its state is its identity."""

    def __init__(self, control: Control, name: str, region: str, env: dict | None,
                 expect_exit: int | None, start: bool, config: str | None, within: tuple[str, ...]):
        super().__init__(env=env, config=config, expect_exit=expect_exit, start=False)
        self.name = name
        self.command = [*within, *self.command]
        token = control.ask("relay", "join-token", "--region", region)["token"]
        done = self.enrol(control, token)
        assert done.returncode == 0, done.stderr
        if start:
            self.start()

    def enrol(self, control: Control, token: str):
        return subprocess.run(
            [program("culvert-relay"), "join", "--control", control.address, "--token", token,
             "--name", self.name], env=self.env, capture_output=True, text=True,
            timeout=HANG_GUARD_SECONDS)
