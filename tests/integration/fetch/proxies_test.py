# Egress proxies of Debian: tinyproxy for CONNECT, microsocks for SOCKS5, each with credentials,
# right and wrong, before an upstream of TLS and one without. And the local address of a connection.
import pathlib
import shutil
import socket
import tempfile
import unittest

from tests.fakes import certs
from tests.fakes.raw_upstream import RawUpstream
from tests.integration.fetch.support import drive, free_port, head, program, start

TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 60
MaxClients 20
LogFile "{folder}/log"
LogLevel Info
DisableViaHeader Yes
BasicAuth user pa-ss
"""


class Proxies(unittest.TestCase):
    def setUp(self):
        self.heads, self.peers = [], []

        def script(connection):
            while True:
                self.heads.append(connection.recv_request()[0])
                self.peers.append(connection.peer[0])
                connection.answer()

        self.upstream = RawUpstream(script, tls=certs.server().server_context())
        self.plain = RawUpstream(script)
        for one in (self.upstream, self.plain):
            self.addCleanup(one.close, False)

    def tinyproxy(self) -> int:
        if not program("tinyproxy"):
            self.skipTest("tinyproxy is not installed")
        folder = tempfile.mkdtemp(prefix="culvert-tinyproxy-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.log = pathlib.Path(folder, "log")

        def make(port: int) -> list[str]:
            path = pathlib.Path(folder, "conf")
            path.write_text(TINYPROXY.format(port=port, folder=folder))
            return [program("tinyproxy"), "-d", "-c", str(path)]

        return start(self, make)

    def microsocks(self) -> int:
        if not program("microsocks"):
            self.skipTest("microsocks is not installed")
        # It tries one address of a name: with -b, localhost's of IPv4, where the upstream is.
        return start(self, lambda port: [
            program("microsocks"), "-i", "127.0.0.1", "-b", "127.0.0.1", "-p", str(port),
            "-u", "user", "-P", "pa:ss"])

    def passes(self, url: str) -> None:
        request = head("POST", "/v1?x", Authorization="Bearer key", Content_Length=4) + b"body"
        expected = request[:-4]
        for host, upstream, tls in (("localhost", self.upstream, True),
                                    ("127.0.0.1", self.upstream, True),
                                    ("localhost", self.plain, False)):
            self.heads.clear()
            events = drive(request, upstream.port, "--host", host, "--proxy", url, "--times", "2",
                           tls=tls)
            self.assertEqual(2, len(events.of("end")), (url, host, events))
            self.assertEqual([False, True], [one["reused"] for one in events.of("connected")])
            self.assertEqual([expected, expected], self.heads)

    def fails(self, url: str, detail: str) -> dict:
        failed = drive(head("GET"), self.upstream.port, "--proxy", url).one("failed")
        self.assertIn(detail, failed["detail"])
        self.assertEqual(("connect_failed", "connect"), (failed["code"], failed["stage"]), failed)
        self.assertTrue(failed["untouched"])
        self.assertNotIn("pa:ss", str(failed))
        self.assertNotIn("secret", str(failed))
        self.assertEqual([], self.heads)
        return failed

    def test_connect(self):
        port = self.tinyproxy()
        self.passes(f"http://user:pa%2Dss@127.0.0.1:{port}")
        self.passes(f"http://user:pa-ss@localhost:{port}")
        said = self.log.read_text()
        self.assertIn(f"CONNECT localhost:{self.upstream.port}", said)
        self.assertIn(f"CONNECT localhost:{self.plain.port}", said)

    def test_connect_with_wrong_credentials(self):
        port = self.tinyproxy()
        for credentials in ("user:secret@", "other:pa-ss@", ""):
            url = f"http://{credentials}127.0.0.1:{port}"
            self.assertTrue(self.fails(url, "refused the credentials")["ours"])

    def test_connect_to_nobody(self):
        url = f"http://user:pa-ss@127.0.0.1:{self.tinyproxy()}"
        failed = drive(head("GET"), free_port(), "--proxy", url).one("failed")
        self.assertEqual("connect_failed", failed["code"])
        self.assertIn("to CONNECT", failed["detail"])

    def test_socks(self):
        port = self.microsocks()
        for scheme in ("socks5", "socks5h"):
            self.passes(f"{scheme}://user:pa%3Ass@127.0.0.1:{port}")
            self.passes(f"{scheme}://user:pa:ss@localhost:{port}")

    def test_socks_with_wrong_credentials(self):
        port = self.microsocks()
        for scheme in ("socks5", "socks5h"):
            for credentials in ("user:secret@", "other:pa%3Ass@", ""):
                self.fails(f"{scheme}://{credentials}127.0.0.1:{port}", "refused the credentials")

    def test_socks_to_nobody(self):
        url = f"socks5h://user:pa%3Ass@127.0.0.1:{self.microsocks()}"
        failed = drive(head("GET"), free_port(), "--proxy", url).one("failed")
        self.assertEqual("connect_failed", failed["code"])
        self.assertIn("egress proxy", failed["detail"])

    def test_a_proxy_that_is_not_there_or_says_nothing(self):
        self.fails(f"http://user:secret@127.0.0.1:{free_port()}", "refused")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            for scheme in ("http", "socks5h", "https"):
                failed = drive(head("GET"), self.upstream.port, "--proxy",
                               f"{scheme}://user:secret@127.0.0.1:{port}",
                               "--wait-ms", "300").one("failed")
                self.assertEqual(("connect_timeout", "connect"),
                                 (failed["code"], failed["stage"]))

    def test_leaves_from_the_address_that_is_asked_for(self):
        for strategy in ("socket", "fetch"):
            events = drive(head("GET"), self.upstream.port, "--bind", "127.0.0.9",
                           "--strategy", strategy)
            self.assertEqual(1, len(events.of("end")), events)
        self.assertEqual(["127.0.0.9", "127.0.0.9"], self.peers)


if __name__ == "__main__":
    unittest.main()
