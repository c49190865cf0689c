# The relay's TLS against the openssl program, which computes everything by itself: each suite with
# each group, on the relay's listener and towards an upstream, with a HelloRetryRequest on either
# side; and that a relay whose libcrypto lacks an algorithm does not start.
import pathlib
import re
import subprocess
import tempfile
import unittest

from tests.fakes import certs
from tests.fakes.raw_client import exchange
from tests.fakes.relay import Relay, binary, run_once
from tests.integration.life import asking, settings

HANG_GUARD_SECONDS = 60.0
GROUPS = {  # openssl's name: how s_client tells it
    "P-256": "ECDH, prime256v1, 256 bits",
    "X25519": "X25519, 253 bits",
    "P-384": "ECDH, secp384r1, 384 bits",
}
SUITES = [
    ("-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"),
    ("-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"),
    ("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"),
    ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"),
]
REQUEST = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def groups_of(version: str, group: str) -> str:
    """In TLS 1.2 the certificate's curve has to be among them too."""
    return group if version == "-tls1_3" or group == "P-256" else f"{group}:P-256"


class Listener(unittest.TestCase):
    def setUp(self):
        server = certs.server()
        self.relay = Relay.for_test(self, config=settings.resources(settings.relay(
            listen=["https://127.0.0.1:0"],
            certificates=[{"cert": server.cert, "key": server.key}])))

    def s_client(self, *arguments: str) -> str:
        done = subprocess.run(
            ["openssl", "s_client", "-connect", self.relay.https, "-servername", "localhost",
             "-CAfile", certs.authority().ca_file, "-verify_return_error", "-ign_eof", *arguments],
            input=REQUEST, capture_output=True, text=True, timeout=HANG_GUARD_SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("HTTP/1.1 200", done.stdout)
        self.assertIn("Verify return code: 0 (ok)", done.stdout)
        return done.stdout

    def test_each_suite_with_each_group(self):
        for version, option, suite in SUITES:
            for group, told in GROUPS.items():
                with self.subTest(suite=suite, group=group):
                    told_by = self.s_client(version, option, suite, "-groups",
                                            groups_of(version, group))
                    self.assertIn(f"Cipher is {suite}", told_by)
                    # TLS 1.2 lets the relay choose, and it prefers P-256.
                    if version == "-tls1_3" or group == "P-256":
                        self.assertIn(f"Server Temp Key: {told}", told_by)

    def test_asks_again_for_a_share_of_a_group_that_it_knows(self):
        """The first group is the one that s_client sends a share of."""
        for group, told in GROUPS.items():
            with self.subTest(group=group):
                told_by = self.s_client("-tls1_3", "-groups", f"X448:{group}", "-msg")
                self.assertEqual(len(re.findall(r">>>.*ClientHello", told_by)), 2)
                self.assertIn(f"Server Temp Key: {told}", told_by)


class SServer:
    """`openssl s_server -www`, ready when it says where it listens. Use as a context manager; what
    it saw of the handshakes is `told` afterwards."""

    def __init__(self, *arguments: str):
        server = certs.server()
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-msg", "-cert", server.cert,
             "-key", server.key, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if found := re.match(r"ACCEPT .*:(\d+)$", line.strip()):
                self.url = f"https://localhost:{found[1]}"
                return
        raise RuntimeError("s_server did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.told = self.process.communicate()[0]


class Upstream(unittest.TestCase):
    def page_of(self, *arguments: str) -> tuple[str, int]:
        """With the number of the relay's hellos."""
        with SServer(*arguments) as server:
            with Relay(config=settings.resources(
                    settings.relay(listen=["http://127.0.0.1:0"]),
                    settings.upstream("s", server.url), settings.route("s", "s")),
                    env={"SSL_CERT_FILE": certs.authority().ca_file}) as relay:
                answer = exchange(relay.http, asking.get("/s/", key=None))
        self.assertEqual((answer.status, answer.ended), (200, "complete"), answer)
        return answer.body.decode(), len(re.findall(r"<<<.*ClientHello", server.told))

    def test_each_suite_with_each_group(self):
        """The relay sends a share of P-256; the other groups make the server ask again."""
        for version, option, suite in SUITES:
            for group in GROUPS:
                with self.subTest(suite=suite, group=group):
                    page, hellos = self.page_of(version, option, suite, "-groups",
                                                groups_of(version, group))
                    self.assertRegex(page, rf"Cipher\s+: {suite}\n")
                    again = version == "-tls1_3" and group != "P-256"
                    self.assertEqual(hellos, 2 if again else 1)


class Start(unittest.TestCase):
    def test_a_libcrypto_without_its_algorithms_stops_the_relay(self):
        if b"p256_transparent" not in pathlib.Path(binary()).read_bytes():
            self.skipTest("this relay computes without libcrypto")
        with tempfile.TemporaryDirectory() as folder:
            settings_file = pathlib.Path(folder, "openssl.cnf")
            # No provider but one that has nothing.
            settings_file.write_text("openssl_conf = a\n[a]\nproviders = b\n[b]\nnull = c\n[c]\n"
                                     "activate = 1\n")
            done = run_once(env={"OPENSSL_CONF": str(settings_file),
                                 "CULVERT_LISTEN": "http://127.0.0.1:0",
                                 "CULVERT_STATE_DIR": folder})
        self.assertNotEqual(done.returncode, 0, done.stderr)
        self.assertIn("libcrypto does not give the right answer", done.stderr)


if __name__ == "__main__":
    unittest.main()
