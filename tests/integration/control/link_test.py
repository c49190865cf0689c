# A relay under a control service, both as real processes: joining, live changes, refusals, the
# cache, drain, revocation, staleness, renewal. Specs are serialized here by a few lines, because
# the messages are small.
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

from tests.fakes.child import HANG_GUARD_SECONDS, REPOSITORY
from tests.fakes.raw_client import exchange
from tests.fakes.relay import Relay, run_once

ISSUED = "cvt_" + "k" * 43


def program() -> str:
    return os.environ.get("CULVERT_FAKE_CONTROL") or str(
        REPOSITORY / "build/release/tests/fake-control-service")


def field(number: int, value: bytes | str) -> bytes:
    """A length-delimited field of protobuf's wire format; ours are shorter than 128 bytes."""
    raw = value.encode() if isinstance(value, str) else value
    assert len(raw) < 128
    return bytes([number << 3 | 2, len(raw)]) + raw


def upstream(url: str) -> str:
    return (bytes([1 << 3, 1]) + field(2, field(1, url))).hex()  # dialect openai, one target


def route(prefix: str, to: str) -> str:
    # auth is field 6: false, so that nobody needs a token
    return (field(1, field(1, prefix)) + field(2, field(1, to)) + field(5, "") +
            bytes([6 << 3, 0])).hex()


def locked_route(prefix: str, to: str) -> str:
    return (field(1, field(1, prefix)) + field(2, field(1, to)) + field(5, "") +
            bytes([6 << 3, 1])).hex()


def pool(of: str, *keys: str) -> str:
    return (field(1, of) + b"".join(field(2, field(1, key)) for key in keys)).hex()


def token(text: str) -> str:
    return (field(1, hashlib.sha256(text.encode()).digest()) + field(2, "team-a")).hex()


class Answering(http.server.BaseHTTPRequestHandler):
    """An upstream that says yes."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Control:
    """The fake service; its lines as they come, waited for without sleeping."""

    def __init__(self, folder: str, port: int = 0):
        self.folder = folder
        self.lines: list[dict] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen([program(), folder, str(port)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        ready = self.wait("ready")
        self.port, self.fingerprint = ready["port"], ready["fingerprint"]

    def _read(self):
        for raw in self.process.stdout:
            with self._changed:
                self.lines.append(json.loads(raw))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait(self, said: str, **fields) -> dict:
        found: list[dict] = []

        def happened():
            found[:] = [line for line in self.lines if line["said"] == said and
                        all(line.get(k) == v for k, v in fields.items())]
            return bool(found)

        with self._changed:
            if not self._changed.wait_for(happened, HANG_GUARD_SECONDS):
                raise AssertionError(f"hang guard: no {said} {fields}: {self.lines[-5:]}")
        return found[-1]

    def forget(self):
        with self._changed:
            self.lines.clear()

    def tell(self, line: str):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def apply(self, line: str) -> dict:
        """Gives the relay's answer to it."""
        self.tell(line)
        return self.wait("ack", type=line.split()[1], nonce="n" + line.split()[2])

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(HANG_GUARD_SECONDS)
        self._reader.join(HANG_GUARD_SECONDS)
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass


class LinkCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="culvert-control-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.state = os.path.join(self.folder, "state")
        self.control = self.start_control()

    def start_control(self, port: int = 0) -> Control:
        control = Control(self.folder, port)
        self.addCleanup(control.kill)
        return control

    def join(self, secret: str = "s", fingerprint: str | None = None, *more: str):
        join_token = "cvj_" + secret * 43 + "." + (fingerprint or self.control.fingerprint)
        return run_once("join", "--control", f"127.0.0.1:{self.control.port}", "--token",
                        join_token, "--state-dir", self.state, *more)

    def joined(self) -> None:
        done = self.join()
        self.assertEqual(done.returncode, 0, done.stderr)

    def relay(self, **kwargs) -> Relay:
        env = {"CULVERT_STATE_DIR": self.state} | kwargs.pop("env", {})
        return Relay.for_test(self, env=env, **kwargs)

    def upstream_url(self) -> str:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"

    def status(self, relay: Relay, path: str, **headers: str) -> int:
        lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        return exchange(relay.http, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                    f"{lines}\r\n").status


class Joining(LinkCase):
    def test_a_good_token_once(self):
        self.joined()
        identity = pathlib.Path(self.state) / "identity"
        self.assertEqual(identity.stat().st_mode & 0o777, 0o700)
        for file in identity.iterdir():
            self.assertEqual(file.stat().st_mode & 0o777, 0o600, file)
        again = self.join("t")
        self.assertEqual(again.returncode, 1)
        self.assertIn("--force", again.stderr)
        used = self.join("s", None, "--force")
        self.assertEqual(used.returncode, 1)
        self.assertIn("used", used.stderr)
        self.assertEqual(self.join("t", None, "--force").returncode, 0)

    def test_another_authority_never_sees_the_token(self):
        wrong = self.join("s", "0" * 64)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("fingerprint", wrong.stderr)
        self.joined()  # the token was not spent, for it was not sent

    def test_what_is_no_token_and_who_is_not_there(self):
        bad = run_once("join", "--control", f"127.0.0.1:{self.control.port}", "--token", "cvj_x",
                       "--state-dir", self.state)
        self.assertEqual(bad.returncode, 2)
        self.assertIn("no join token", bad.stderr)
        self.control.kill()
        gone = self.join()
        self.assertEqual(gone.returncode, 1)
        self.assertIn("cannot be reached", gone.stderr)

    def test_control_without_having_joined_is_an_error(self):
        done = run_once("--control", "127.0.0.1:1", env={"CULVERT_STATE_DIR": self.state})
        self.assertEqual(done.returncode, 2)
        self.assertIn("join", done.stderr)


class Running(LinkCase):
    def setUp(self):
        super().setUp()
        self.joined()

    def ready(self, relay: Relay) -> dict:
        return json.loads(relay.admin_get("/readyz")[1])

    def with_route(self) -> None:
        self.control.wait("hello")
        ack = self.control.apply(f"put upstream 1 mine {upstream(self.upstream_url())}")
        self.assertEqual(ack["errors"], [])
        ack = self.control.apply(f"put route 2 r {route('/r', 'mine')}")
        self.assertEqual(ack["errors"], [])

    def test_a_change_is_served_and_a_bad_item_is_refused_alone(self):
        relay = self.relay()
        self.with_route()
        self.assertEqual(self.ready(relay)["control"], "connected")
        self.assertEqual(self.status(relay, "/r/v1/models"), 200)
        bad = self.control.apply("put route 3 bad " + route("no-slash", "mine") +
                                 " good " + route("/g", "mine"))
        self.assertEqual(len(bad["errors"]), 1)
        self.assertIn("bad: match.path_prefix", bad["errors"][0])
        self.assertEqual(self.status(relay, "/g/v1/models"), 200)
        self.assertTrue(self.control.apply("raw pigeon 4")["unknown"])
        self.control.apply("del route 5 r")
        self.assertEqual(self.status(relay, "/r/v1/models"), 404)
        self.control.wait("metrics")
        self.assertEqual(relay.metrics().sum("culvert_control_connected"), 1)
        self.assertEqual(relay.metrics().sum("culvert_control_refused_items"), 1)

    def test_references_of_the_service_are_not_read(self):
        secret = pathlib.Path(self.folder) / "secret"
        secret.write_text("sk-of-the-relays-machine")
        relay = self.relay(env={"SECRET_OF_THE_RELAY": "sk-of-the-environment"})
        self.with_route()
        for key in (f"file:{secret}", "env:SECRET_OF_THE_RELAY"):
            ack = self.control.apply(f"put key_pool 3 theirs {pool('mine', key)}")
            self.assertEqual(len(ack["errors"]), 1)
            self.assertIn("theirs: keys[0]: env: and file: ", ack["errors"][0])
            self.control.forget()
        ack = self.control.apply(f"put key_pool 4 good {pool('mine', 'sk-as-it-is')}")
        self.assertEqual(len(ack["errors"]), 1, "the other is refused still, this one is not")
        self.control.apply(f"put token 5 t1 {token(ISSUED)}")
        self.control.apply(f"put route 6 locked {locked_route('/l', 'mine')}")
        sent = {"X-Culvert-Token": ISSUED}
        self.assertEqual(self.status(relay, "/l/v1/models", **sent), 200)
        relay.wait_for_metric(lambda m: m.sum("culvert_control_refused_items") == 1)

    def test_the_service_goes_and_comes(self):
        first = self.relay()
        self.with_route()
        self.control.kill()
        first.wait_for_metric(lambda m: m.sum("culvert_control_connected") == 0)
        self.assertEqual(self.status(first, "/r/v1/models"), 200)
        first.close()
        relay = self.relay()
        self.assertEqual(self.ready(relay)["control"], "cached")
        self.assertEqual(relay.metrics().sum("culvert_control_config_from_cache"), 1)
        self.assertEqual(self.status(relay, "/r/v1/models"), 200)
        self.control = self.start_control(self.control.port)
        hello = self.control.wait("hello")
        self.assertEqual(hello["items"], 2, "it has all, so nothing is sent again")
        self.assertTrue(hello["from_cache"])
        self.assertEqual(self.control.wait("ack", type="route", nonce="")["errors"], [])

    def test_a_damaged_slot_leaves_the_other(self):
        first = self.relay()
        self.with_route()
        self.control.apply(f"put route 3 again {route('/again', 'mine')}")
        self.control.kill()
        first.wait_for_metric(lambda m: m.sum("culvert_control_connected") == 0)
        first.close()
        kept = pathlib.Path(self.state) / "kept"
        for slot in ("config.a", "config.b"):
            whole = (kept / slot).read_bytes()
            (kept / slot).write_bytes(whole[:-1])
            with Relay(env={"CULVERT_STATE_DIR": self.state}) as relay:
                relay.wait_for_message("a kept configuration cannot be used")
                self.assertEqual(self.ready(relay)["control"], "cached")
                self.assertEqual(self.status(relay, "/r/v1/models"), 200)
            (kept / slot).write_bytes(whole)

    def test_drain_and_undrain(self):
        relay = self.relay()
        self.with_route()
        self.control.tell("drain 1")
        self.control.wait("state", phase="PHASE_DRAINING")
        self.assertEqual(relay.admin_get("/readyz")[0], 503)
        self.assertEqual(self.status(relay, "/r/v1/models"), 503)
        self.control.tell("drain 0")
        self.control.wait("state", phase="PHASE_SERVING")
        self.assertEqual(relay.admin_get("/readyz")[0], 200)
        self.assertEqual(self.status(relay, "/r/v1/models"), 200)

    def test_a_token_works_until_it_is_revoked(self):
        relay = self.relay()
        self.with_route()
        self.control.apply(f"put route 3 locked {locked_route('/l', 'mine')}")
        sent = {"X-Culvert-Token": ISSUED}
        self.assertEqual(self.status(relay, "/l/v1/models", **sent), 401)
        self.control.apply(f"put token 4 t1 {token(ISSUED)}")
        self.assertEqual(self.status(relay, "/l/v1/models", **sent), 200)
        relay.wait_for_log(lambda line: line.get("tenant") == "team-a")
        self.control.apply("del token 5 t1")
        self.assertEqual(self.status(relay, "/l/v1/models", **sent), 401)

    def test_a_stale_relay_keeps_routes_and_forgets_tokens(self):
        relay = self.relay(config="kind: Relay\nname: r\nspec: {control: {max_age: 2s}}\n")
        self.with_route()
        self.control.apply(f"put route 3 locked {locked_route('/l', 'mine')}")
        self.control.apply(f"put token 4 t1 {token(ISSUED)}")
        sent = {"X-Culvert-Token": ISSUED}
        self.assertEqual(self.status(relay, "/l/v1/models", **sent), 200)
        self.control.kill()
        relay.wait_for_metric(lambda m: m.sum("culvert_control_config_stale") == 1)
        self.assertEqual(self.status(relay, "/l/v1/models", **sent), 401)
        self.assertEqual(self.status(relay, "/r/v1/models"), 200)
        self.control = self.start_control(self.control.port)
        relay.wait_for_metric(lambda m: m.sum("culvert_control_config_stale") == 0)
        self.assertEqual(self.status(relay, "/l/v1/models", **sent), 200)

    def test_the_certificate_is_renewed_over_the_link(self):
        self.control.tell("life 6")
        self.assertEqual(self.join("t", None, "--force").returncode, 0)
        certificate = pathlib.Path(self.state) / "identity" / "cert.pem"
        before = certificate.read_text()
        self.control.tell("life 3600")
        relay = self.relay()
        self.control.wait("renew")
        relay.wait_for_message("the certificate for the control service is renewed")
        self.assertNotEqual(certificate.read_text(), before)
        relay.wait_for_message("connected to the control service", count=2)

    def test_no_control_is_the_file_alone(self):
        relay = self.relay(arguments=["--no-control"])
        self.assertEqual(self.ready(relay)["control"], "none")


if __name__ == "__main__":
    unittest.main()
