# A real Chromium without a window, driven over its DevTools pipe: JSON messages that end in NUL, on
# descriptors 3 (to it) and 4 (from it). Owned by one test, ended by its pid.
import base64
import fcntl
import hashlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import unittest

from tests.fakes import certs
from tests.fakes.child import HANG_GUARD_SECONDS

IN_PLACE = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
            "os.execvp(sys.argv[3], sys.argv[3:])")


def public_key_digest(certificate: certs.Certificate) -> str:
    """Of its SubjectPublicKeyInfo, as Chromium takes it for a certificate that it is to trust."""
    key = subprocess.run(["openssl", "x509", "-in", certificate.cert, "-noout", "-pubkey"],
                         check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=key, check=True,
                         capture_output=True).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Chromium:
    """One page; `credentials` (name and password) answer the first challenge of a proxy, and no
    further one. `challenges` are all that came."""

    def __init__(self, test: unittest.TestCase, *flags: str,
                 credentials: tuple[str, str] | None = None):
        program = shutil.which("chromium")
        if not program:
            test.skipTest("chromium is not installed")
        folder = tempfile.TemporaryDirectory(prefix="culvert-chromium-",
                                             ignore_cleanup_errors=True)
        test.addCleanup(folder.cleanup)
        theirs, self._to = os.pipe()
        self._from, theirs_too = os.pipe()
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                   "--disable-dev-shm-usage", "--disable-background-networking",
                   f"--user-data-dir={folder.name}", "--remote-debugging-pipe", *flags]
        # Above 4, so that neither is lost while they are put in their places.
        ends = [fcntl.fcntl(one, fcntl.F_DUPFD, 5) for one in (theirs, theirs_too)]
        self.child = subprocess.Popen(
            [sys.executable, "-c", IN_PLACE, *map(str, ends), *command], pass_fds=ends,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for one in (theirs, theirs_too, *ends):
            os.close(one)
        test.addCleanup(self.close)
        self.credentials = credentials
        self.challenges: list[dict] = []
        self._count, self._rest, self._session, self._loaded = 0, b"", None, False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target,
                                  flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Fetch.enable", handleAuthRequests=True)

    def close(self) -> None:
        if self.child.returncode is not None:
            return
        self.child.terminate()
        self.child.wait(HANG_GUARD_SECONDS)
        os.close(self._to)
        os.close(self._from)

    def open(self, url: str) -> str | None:
        """Goes there and waits for the page; what Chromium says of why it cannot (`net::ERR_…`), or
        None."""
        self._loaded = False
        error = self.call("Page.navigate", url=url).get("errorText")
        while error is None and not self._loaded:
            self._hear(self._read())
        return error

    def run(self, script: str):
        """What the page's script (an expression, or a promise of one) comes to."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True,
                         returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def call(self, method: str, **params) -> dict:
        number = self._send(method, params)
        while True:
            message = self._read()
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._hear(message)

    def _send(self, method: str, params: dict) -> int:
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._count

    def _read(self) -> dict:
        while b"\0" not in self._rest:
            with selectors.DefaultSelector() as selector:
                selector.register(self._from, selectors.EVENT_READ)
                assert selector.select(HANG_GUARD_SECONDS), "hang guard: Chromium says nothing"
            data = os.read(self._from, 1 << 16)
            assert data, "Chromium has ended"
            self._rest += data
        text, _, self._rest = self._rest.partition(b"\0")
        return json.loads(text)

    def _hear(self, event: dict) -> None:
        params = event.get("params", {})
        if event.get("method") == "Page.loadEventFired":
            self._loaded = True
        elif event.get("method") == "Fetch.requestPaused":
            self._send("Fetch.continueRequest", {"requestId": params["requestId"]})
        elif event.get("method") == "Fetch.authRequired":
            self.challenges.append(params["authChallenge"])
            answer = {"response": "CancelAuth"}
            if self.credentials and len(self.challenges) == 1:
                name, password = self.credentials
                answer = {"response": "ProvideCredentials", "username": name,
                          "password": password}
            self._send("Fetch.continueWithAuth",
                       {"requestId": params["requestId"], "authChallengeResponse": answer})
