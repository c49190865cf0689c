# Chromium through tunnels: over CONNECT as any browser uses a proxy that asks who it is, and by the
# name in its ClientHello, which has GREASE, post-quantum shares and more than one segment holds.
import hashlib
import pathlib
import struct
import tempfile
import unittest

from tests.fakes import certs
from tests.integration.http.support import TOKEN, WRONG_TOKEN
from tests.integration.tunnels.chromium import Chromium, public_key_digest
from tests.integration.tunnels.connect_test import ConnectCase
from tests.integration.tunnels.sni_test import split_through
from tests.integration.tunnels.support import LISTEN, https_site, tunnel

PAGE = "<!doctype html><title>here</title>"
LARGE = bytes(range(256)) * 20_000

# The SHA-256 of what is fetched, as hexadecimal.
FETCH = """
fetch("/large").then((answer) => answer.arrayBuffer())
  .then((bytes) => crypto.subtle.digest("SHA-256", bytes))
  .then((sum) => [...new Uint8Array(sum)].map((b) => b.toString(16).padStart(2, "0")).join(""))
"""


def is_grease(word: int) -> bool:
    """RFC 8701."""
    return word & 0x0F0F == 0x0A0A and word >> 8 == word & 0xFF


class Browser(ConnectCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="culvert-browser-")
        self.addCleanup(folder.cleanup)
        self.shown = certs.authority().issue("localhost", "a.example")
        www = pathlib.Path(folder.name, "www")
        www.mkdir()
        (www / "index.html").write_text(PAGE)
        (www / "large").write_bytes(LARGE)
        self.port = https_site(self, folder.name, self.shown)

    def browser(self, *flags: str, **options) -> Chromium:
        trust = public_key_digest(self.shown)
        return Chromium(self, f"--ignore-certificate-errors-spki-list={trust}", *flags, **options)

    def check_page(self, browser: Chromium, url: str) -> None:
        self.assertIsNone(browser.open(url))
        self.assertEqual(browser.run("document.title"), "here")
        self.assertEqual(browser.run(FETCH), hashlib.sha256(LARGE).hexdigest())

    def proxied(self, relay, token: str) -> Chromium:
        return self.browser(f"--proxy-server=http://{relay.http}",
                            "--proxy-bypass-list=<-loopback>", credentials=("user", token))

    def test_over_connect(self):
        relay = self.relay_to(self.port)
        browser = self.proxied(relay, TOKEN)
        self.check_page(browser, f"https://localhost:{self.port}/")
        self.assertEqual([(c["source"], c["scheme"].lower(), c["realm"])
                          for c in browser.challenges], [("Proxy", "basic", "culvert")])
        browser.close()
        line = self.line(relay, status=200)
        self.assertEqual(line["path"], f"localhost:{self.port}")
        self.assertGreater(line["bytes_out"], len(LARGE))

    def test_a_wrong_token_is_asked_for_again(self):
        relay = self.relay_to(self.port)
        browser = self.proxied(relay, WRONG_TOKEN)
        browser.open(f"https://localhost:{self.port}/")
        self.assertEqual(len(browser.challenges), 2)
        self.assertNotEqual(browser.run("document.title"), "here")
        relay.wait_for_log(lambda line: line.get("status") == 407, count=2)

    def test_by_name(self):
        hellos = []

        def keep(first: bytes) -> list[bytes]:
            hellos.append(first)
            return [first]

        behind = split_through(self, f"127.0.0.1:{self.port}", keep)
        relay = self.relay(tunnel("a", names=["a.example"], to=f"tcp://{behind}") + "\n", **LISTEN)
        listener = relay.addresses("tls")[0]
        browser = self.browser("--no-proxy-server",
                               f"--host-resolver-rules=MAP a.example:443 {listener}")
        self.check_page(browser, "https://a.example/")
        hello = hellos[0]
        begin = 5 + 4 + 2 + 32  # record, handshake, version, random
        begin += 1 + hello[begin]  # the session
        self.assertTrue(is_grease(struct.unpack_from(">H", hello, begin + 2)[0]), hello[:100])
        self.assertGreater(struct.unpack_from(">H", hello, 3)[0], 1460)


if __name__ == "__main__":
    unittest.main()
