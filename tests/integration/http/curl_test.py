# curl as the client, over plain TCP and over TLS: a real client's framings, its Expect, its
# keep-alive, and the exit codes by which scripts tell a whole answer from a cut one.
import os
import shutil
import subprocess
import tempfile
import unittest

from tests.fakes import certs
from tests.integration.http.support import TOKEN, HttpCase

CURL = shutil.which("curl")
LARGE = os.urandom(1024) * 5 * 1024
# curl's exit codes for a transfer that was cut: a partial file, or OpenSSL 3's own word for it.
CUT = (18, 56)


def echo(connection):
    """Answers with method, target and body, chunked; `/cut` breaks off."""
    while True:
        head, body = connection.recv_request()
        said = b" ".join(head.split(b" ")[:2]) + b"\n" + body
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        if b"HEAD" in head[:4]:
            continue
        connection.send(b"%x\r\n%s\r\n" % (len(said), said))
        if b"/cut" in head:
            return connection.fin()
        connection.send(b"0\r\n\r\n")


@unittest.skipUnless(CURL, "curl is not installed")
class Curl(HttpCase):
    def setUp(self):
        good = certs.server()
        raw = self.upstream(echo)
        relay = self.relay(upstream=raw, CULVERT_LISTEN="http://127.0.0.1:0,https://127.0.0.1:0",
                           CULVERT_TLS_CERT=good.cert, CULVERT_TLS_KEY=good.key, AUTH_TOKEN=TOKEN)
        port = relay.https.rpartition(":")[2]
        self.bases = (f"http://{relay.http}", f"https://localhost:{port}")

    def curl(self, *arguments: str, data: bytes = b"", expect=(0,)):
        """The bodies over TCP and over TLS, which must be the same."""
        outputs = []
        for base in self.bases:
            done = subprocess.run(
                [CURL, "-sS", "--max-time", "60", "--cacert", certs.authority().ca_file,
                 *(a.replace("BASE", base) for a in arguments)], input=data, capture_output=True)
            self.assertIn(done.returncode, expect, done.stderr)
            outputs.append(done.stdout)
        self.assertEqual(*outputs)
        return outputs[0]

    def test_get(self):
        self.assertEqual(self.curl("BASE/raw/a?b=c"), b"GET /a?b=c\n")

    def test_post_with_a_token_in_the_path(self):
        self.assertEqual(self.curl("-d", "x=1", f"BASE/{TOKEN}/raw/a"), b"POST /a\nx=1")

    def test_a_large_post_waits_for_100(self):
        got = self.curl("-H", "Expect: 100-continue", "--data-binary", "@-", "BASE/raw/a",
                        data=LARGE)
        self.assertTrue(got == b"POST /a\n" + LARGE, "the body differs")

    def test_a_chunked_upload(self):
        got = self.curl("-H", "Transfer-Encoding: chunked", "-T", "-", "BASE/raw/a", data=LARGE)
        self.assertTrue(got == b"PUT /a\n" + LARGE, "the body differs")

    def test_http_1_0(self):
        self.assertEqual(self.curl("--http1.0", "BASE/raw/a"), b"GET /a\n")

    def test_head(self):
        self.assertEqual(self.curl("-I", "-o", os.devnull, "-w", "%{http_code}", "BASE/raw/a"),
                         b"200")

    def test_several_on_one_connection(self):
        with tempfile.NamedTemporaryFile() as file:
            got = self.curl("-o", file.name, "-w", "%{num_connects} ", "BASE/raw/a",
                            "-o", file.name, "BASE/raw/b", "-o", file.name, "BASE/raw/c")
        self.assertEqual(got, b"1 0 0 ")

    def test_a_cut_is_an_error_for_scripts(self):
        got = self.curl("BASE/raw/cut", expect=CUT)
        self.assertEqual(got, b"GET /cut\n")


if __name__ == "__main__":
    unittest.main()
