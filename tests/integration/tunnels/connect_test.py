# CONNECT through the relay: who may go where, what is said of what cannot be reached, bytes in
# order and ends as they came; and curl, git and npm as they are used with a proxy.
import base64
import hashlib
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import unittest

from tests.fakes import certs
from tests.fakes.child import HANG_GUARD_SECONDS, base_environment
from tests.fakes.relay import sanitized
from tests.fakes.tls_socket import FIN, RESET, TlsSocket, receive
from tests.integration.http.support import TOKEN, WRONG_TOKEN, memory
from tests.integration.tunnels.support import https_site
from tests.integration.tunnels.upgrade import UpgradeCase

MIB = 1 << 20
BEARER = f"Proxy-Authorization: Bearer {TOKEN}\r\n"


def connect(to: str, fields: str = BEARER, host: str | None = None, version: str = "1.1") -> bytes:
    return f"CONNECT {to} HTTP/{version}\r\nHost: {host or to}\r\n{fields}\r\n".encode()


def echo(connection) -> None:
    while True:
        connection.send(connection.recv_some())


class ConnectCase(UpgradeCase):
    def relay_to(self, *ports: int, allow: str = '"127.0.0.0/8"', **env):
        spec = f"connect: {{ports: {list(ports)}}}, generic_allow: [{allow}]"
        return self.relay(f"kind: Relay\nname: r\nspec: {{{spec}}}\n", AUTH_TOKEN=TOKEN, **env)

    def through(self, relay, to: str, behind: bytes = b"", fields: str = BEARER):
        client = self.client(relay)
        client.send(connect(to, fields) + behind)
        answer = client.read_head()
        self.assertEqual(answer.status, 200, answer.head)
        for name in ("content-length", "transfer-encoding"):
            self.assertIsNone(answer.get(name))
        return client

    def refused(self, relay, sent: bytes, status: int, stage: str | None = None):
        client = self.client(relay)
        client.send(sent)
        answer = client.read_response()
        self.assert_own_error(answer, status, stage)
        self.assertEqual(client.ends(), FIN)  # nothing that follows is a request
        return answer

    def line(self, relay, **wanted) -> dict:
        return relay.wait_for_log(lambda line: line.get("mode") == "connect" and all(
            line.get(name) == value for name, value in wanted.items()))[0]


class Admission(ConnectCase):
    def test_who_is_not_known_is_asked_who_it_is(self):
        raw = self.upstream(echo)
        relay = self.relay_to(raw.port)
        for fields in ("", f"Proxy-Authorization: Bearer {WRONG_TOKEN}\r\n",
                       "Proxy-Authorization: Basic !\r\n"):
            answer = self.refused(relay, connect(f"127.0.0.1:{raw.port}", fields), 407, "auth")
            self.assertEqual(answer.all("proxy-authenticate"),
                             ['Basic realm="culvert"', 'Bearer realm="culvert"'])
        self.assertEqual(raw.connections, [])

    def test_only_named_ports(self):
        raw = self.upstream(echo)
        relay = self.relay(AUTH_TOKEN=TOKEN, CULVERT_GENERIC_ALLOW="127.0.0.0/8")
        said = self.refused(relay, connect(f"127.0.0.1:{raw.port}"), 403, "route")
        self.assertIn("allowed: 443", said.body.decode())
        self.assertEqual(raw.connections, [])

    def test_only_allowed_addresses_whatever_their_names(self):
        raw = self.upstream(echo)
        relay = self.relay_to(raw.port, allow="")
        for host in ("127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"):
            self.refused(relay, connect(f"{host}:{raw.port}"), 403)
        self.assertEqual(raw.connections, [])
        by_name = self.relay_to(raw.port, allow="localhost")
        self.refused(by_name, connect(f"127.0.0.1:{raw.port}"), 403)
        self.through(by_name, f"localhost:{raw.port}")

    def test_what_is_malformed(self):
        relay = self.relay_to(443)
        for sent in (connect("127.0.0.1"), connect("127.0.0.1:0"), connect("user@host:443"),
                     connect("http://127.0.0.1:443"), connect("127.0.0.1:443", host="other:443"),
                     connect("127.0.0.1:443", BEARER + "Content-Length: 2\r\n"),
                     connect("127.0.0.1:443", BEARER + "Transfer-Encoding: chunked\r\n")):
            self.refused(relay, sent, 400, "request")

    def test_what_cannot_be_reached(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            dead = closed.getsockname()[1]
        relay = self.relay_to(dead)
        self.refused(relay, connect(f"127.0.0.1:{dead}"), 502, "connect")
        self.refused(relay, connect(f"no-such-name.invalid:{dead}"), 502, "resolve")
        line = self.line(relay, stage="connect")
        self.assertEqual((line["outcome"], line["path"]), ("upstream_error", f"127.0.0.1:{dead}"))

    def test_one_that_does_not_answer(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            port = full.getsockname()[1]
            waiting = []
            for _ in range(3):  # the kernel answers no more behind them
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
                waiting.append(one)
            relay = self.relay_to(port, CULVERT_TIMEOUT_CONNECT="500ms")
            self.refused(relay, connect(f"127.0.0.1:{port}"), 504, "connect")
            for one in waiting:
                one.close()


class Carrying(ConnectCase):
    def test_early_bytes_wait_and_keep_their_order(self):
        raw = self.upstream(echo)
        relay = self.relay_to(raw.port)
        client = self.through(relay, f"127.0.0.1:{raw.port}", b"too early")
        client.send(b", then more")
        self.assertEqual(client.read_exactly(20), b"too early, then more")
        client.finish_sending()
        self.assertEqual(client.ends(), FIN)
        line = self.line(relay)
        self.assertEqual((line["status"], line["outcome"], line["close"], line["bytes_in"],
                          line["bytes_out"]), (200, "ok", "whole", 20, 20))

    def test_much_early_is_held_back_and_not_lost(self):
        raw = self.upstream(echo)
        relay = self.relay_to(raw.port)
        data = os.urandom(4 * MIB)
        client = self.client(relay)
        sender = threading.Thread(target=client.send,
                                  args=(connect(f"127.0.0.1:{raw.port}") + data,))
        sender.start()
        self.assertEqual(client.read_head().status, 200)
        self.assertEqual(client.read_exactly(len(data)), data)
        sender.join()

    def test_half_a_close(self):
        def script(connection):
            how.append(connection.recv_end())
            connection.send(b"x" * MIB)
            connection.fin()
        how = []
        relay = self.relay_to((raw := self.upstream(script)).port)
        client = self.through(relay, f"127.0.0.1:{raw.port}")
        client.send(b"all")
        client.finish_sending()
        self.assertEqual(client.read_exactly(MIB), b"x" * MIB)
        self.assertEqual((client.ends(), how), (FIN, [FIN]))

    def test_resets(self):
        how = []
        def hears(connection):
            how.append(connection.recv_end())
        def resets(connection):
            connection.recv_exactly(2)
            connection.rst()
        raw = self.upstream([hears, resets])
        relay = self.relay_to(raw.port)
        first = self.through(relay, f"127.0.0.1:{raw.port}")
        first.send(b"x")
        raw.wait_connections(1)
        first.reset()
        raw.wait_finished(1)
        self.assertEqual(how, [RESET])
        second = self.through(relay, f"127.0.0.1:{raw.port}")
        second.send(b"go")
        self.assertEqual(second.ends(), RESET)
        self.assertEqual(self.line(relay, close="client")["outcome"], "aborted")
        self.assertEqual(self.line(relay, close="upstream")["outcome"], "truncated")

    def test_much_passes_with_flat_memory(self):
        def script(connection):
            while True:
                connection.link.sendall(receive(connection.link))
        raw = self.upstream(script)
        relay = self.relay_to(raw.port)
        client = self.through(relay, f"127.0.0.1:{raw.port}")
        piece = os.urandom(MIB)

        def pass_through(count: int) -> None:
            sender = threading.Thread(target=lambda: [client.send(piece) for _ in range(count)])
            sender.start()
            left, seen = count * MIB, hashlib.sha256()
            while left > 0:
                data = receive(client.link, min(left, 1 << 16))
                seen.update(data)
                left -= len(data)
            sender.join()
            self.assertEqual(seen.digest(), hashlib.sha256(piece * count).digest())

        pass_through(1)
        before = memory(relay, "VmRSS")
        pass_through(64)
        if not sanitized():  # whose own memory grows
            self.assertLess(memory(relay, "VmHWM") - before, 8 * MIB)

    def test_tls_inside_is_between_the_ends(self):
        raw = self.upstream(echo, tls=True)
        relay = self.relay_to(raw.port)
        client = self.through(relay, f"127.0.0.1:{raw.port}")
        inside = TlsSocket(client.socket, certs.authority().client_context(), name="localhost")
        inside.sendall(b"secret")
        self.assertEqual(inside.recv(), b"secret")

    def test_one_that_stands_still(self):
        raw = self.upstream(echo)
        relay = self.relay_to(raw.port, CULVERT_TIMEOUT_IDLE="500ms")
        client = self.through(relay, f"127.0.0.1:{raw.port}")
        self.assertEqual(client.ends(), FIN)
        self.assertEqual(self.line(relay)["close"], "idle")


class Programs(ConnectCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="culvert-connect-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.port = https_site(self, self.folder, certs.server())
        self.under_test = self.relay_to(self.port)
        self.proxy = f"http://user:{TOKEN}@{self.under_test.http}"

    def run_it(self, *command: str, **env) -> subprocess.CompletedProcess:
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder,
                              timeout=HANG_GUARD_SECONDS * 2, env=base_environment() | env |
                              {"HOME": self.folder, "NO_PROXY": "", "no_proxy": ""})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.line(self.under_test)["path"], f"localhost:{self.port}")
        return done

    def test_curl(self):
        pathlib.Path(self.folder, "www/large").write_bytes(data := os.urandom(8 * MIB))
        self.run_it("curl", "-sSf", "--proxy", self.proxy, "--cacert", certs.authority().ca_file,
                    f"https://localhost:{self.port}/large", "-o", "got")
        self.assertEqual(pathlib.Path(self.folder, "got").read_bytes(), data)
        self.run_it("curl", "-sSf", "--proxy", f"http://{self.under_test.http}", "--proxy-header",
                    f"Proxy-Authorization: Bearer {TOKEN}", "--cacert",
                    certs.authority().ca_file, f"https://localhost:{self.port}/large", "-o", "got")

    def test_curl_by_tls_to_the_relay_too(self):
        pathlib.Path(self.folder, "www/large").write_bytes(data := os.urandom(8 * MIB))
        good = certs.server()
        self.under_test = self.relay_to(
            self.port, CULVERT_LISTEN="https://127.0.0.1:0", CULVERT_TLS_CERT=good.cert,
            CULVERT_TLS_KEY=good.key)
        trusted = certs.authority().ca_file
        self.run_it("curl", "-sSf", "--proxy", f"https://user:{TOKEN}@{self.under_test.https}",
                    "--proxy-cacert", trusted, "--cacert", trusted,
                    f"https://localhost:{self.port}/large", "-o", "got")
        self.assertEqual(pathlib.Path(self.folder, "got").read_bytes(), data)

    def test_git(self):
        here = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
                "GIT_TERMINAL_PROMPT": "0"}
        who = ["-c", "user.name=a", "-c", "user.email=a@b.test"]
        for command in (["git", "init", "-q", "work"],
                        ["git", "-C", "work", *who, "commit", "-q", "--allow-empty", "-m", "one"],
                        ["git", "clone", "-q", "--bare", "work", "www/repository.git"],
                        ["git", "-C", "www/repository.git", "update-server-info"]):
            subprocess.run(command, check=True, cwd=self.folder, capture_output=True,
                           env=base_environment() | here)
        self.run_it("git", "-c", f"http.proxy={self.proxy}", "-c",
                    f"http.sslCAInfo={certs.authority().ca_file}", "clone", "-q",
                    f"https://localhost:{self.port}/repository.git", "cloned", **here)
        log = subprocess.run(["git", "-C", "cloned", "log", "--format=%s"], cwd=self.folder,
                             capture_output=True, text=True, env=base_environment() | here)
        self.assertEqual(log.stdout, "one\n", log.stderr)

    def test_npm(self):
        """From a registry that is a folder: the document of a package, and its archive."""
        if not shutil.which("npm"):
            self.skipTest("npm is not installed")
        files = {"package/package.json": json.dumps({"name": "package", "version": "1.0.0"}),
                 "package/index.js": "module.exports = 6;\n" * 50_000}
        archive = pathlib.Path(self.folder, "www/archive.tgz")
        with tarfile.open(archive, "w:gz") as out:
            for name, text in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                out.addfile(entry, io.BytesIO(text.encode()))
        site = f"https://localhost:{self.port}/"
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        pathlib.Path(self.folder, "www/package").write_text(json.dumps(
            {"name": "package", "dist-tags": {"latest": "1.0.0"},
             "versions": {"1.0.0": {"name": "package", "version": "1.0.0", "dist": {
                 "tarball": site + "archive.tgz", "integrity": "sha512-" + digest}}}}))
        work = pathlib.Path(self.folder, "work")
        work.mkdir()
        (work / "package.json").write_text("{}")
        self.run_it("npm", "install", "package", "--prefix", str(work), "--registry", site,
                    "--https-proxy", self.proxy, "--noproxy", "", "--cafile",
                    certs.authority().ca_file, "--no-audit", "--no-fund",
                    "--no-update-notifier", "--ignore-scripts")
        got = work / "node_modules/package/index.js"
        self.assertEqual(got.read_text(), files["package/index.js"])


if __name__ == "__main__":
    unittest.main()
