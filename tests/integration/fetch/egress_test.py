# Egress proxies of an upstream within a real relay: CONNECT (tinyproxy, squid where it is there),
# SOCKS5 (microsocks), TLS to the proxy; credentials right and wrong, proxies that are dead, silent
# or refuse. The environment's proxies are never used. And from which local address a key leaves.
import pathlib
import shutil
import socket
import tempfile
import threading
import unittest
from hashlib import sha256

from tests.fakes import certs
from tests.fakes.raw_client import exchange
from tests.fakes.raw_upstream import RawUpstream
from tests.fakes.relay import run_once
from tests.fakes.tls_socket import Ended
from tests.integration.fetch.relays import STRATEGIES, FetchCase
from tests.integration.fetch.support import Nginx, free_port, program, start
from tests.integration.http.support import OK, TOKEN, always, request
from tests.integration.life import settings

TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 60
MaxClients 20
LogFile "{folder}/log"
LogLevel Info
BasicAuth user pa-ss
{more}
"""
SQUID = """
http_port 127.0.0.1:{port}
pid_filename none
cache deny all
cache_log {folder}/cache.log
access_log stdio:{folder}/access.log
coredump_dir {folder}
shutdown_lifetime 0 seconds
netdb_filename none
acl there port {allowed}
http_access allow CONNECT there
http_access deny all
"""


class Egress(FetchCase):
    def setUp(self):
        self.heads, self.peers = [], []

        def script(connection):
            self.peers.append(connection.peer)
            while True:
                self.heads.append(connection.recv_request()[0])
                connection.answer()
        self.upstream_side = self.upstream(script, tls=True)
        self.plain = self.upstream(script)
        self.folder = tempfile.mkdtemp(prefix="culvert-egress-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def configured(self, name: str, text: str, *words: str, **more) -> int:
        if not program(name):
            self.skipTest(f"{name} is not installed")

        def make(port: int) -> list[str]:
            path = pathlib.Path(self.folder, f"{name}.conf")
            path.write_text(text.format(port=port, folder=self.folder, **more))
            return [program(name), *words, str(path)]
        return start(self, make)

    def tinyproxy(self, more: str = "") -> int:
        return self.configured("tinyproxy", TINYPROXY, "-d", "-c", more=more)

    def microsocks(self) -> int:
        if not program("microsocks"):
            self.skipTest("microsocks is not installed")
        # It tries one address of a name: with -b, localhost's of IPv4, where the upstream is.
        return start(self, lambda port: [
            program("microsocks"), "-i", "127.0.0.1", "-b", "127.0.0.1", "-p", str(port),
            "-u", "user", "-P", "pa:ss"])

    def passes(self, proxy: str) -> None:
        for url in (self.upstream_side.url, self.plain.url):
            relay = self.by("fetch", url, egress_proxy=proxy)
            for _ in range(2):
                answer = self.ask_raw(relay, "/a?b", "POST", body=b"{}")
                self.assertEqual((200, b"ok"), (answer.status, answer.body), answer)
            head = self.heads[-1].lower()
            self.assertTrue(head.startswith(b"post /a?b http/1.1\r\nhost: "))
            self.assertNotIn(b"proxy", head)
            lines = relay.wait_for_log(count=2)
            self.assertEqual([False, True], [line["reused"] for line in lines])

    def fails(self, proxy: str, status: int, words: str, url: str | None = None,
              stage: str = "connect", **spec) -> None:
        relay = self.by("fetch", url or self.upstream_side.url, egress_proxy=proxy, **spec)
        answer = self.ask_raw(relay, "/a", "POST", body=b"{}")
        error = self.assert_own_error(answer, status, stage)["error"]
        self.assertIn(words, error["message"])
        self.logged(relay, answer)
        for text in (answer.body.decode(), *relay.stdout_text, *relay.stderr_text):
            for secret in ("pa:ss", "pa%3Ass", "pa-ss", "hidden", "user"):
                self.assertNotIn(secret, text)
        self.assertEqual([], self.heads)

    # -- CONNECT

    def test_connect(self):
        port = self.tinyproxy()
        self.passes(f"http://user:pa-ss@127.0.0.1:{port}")
        self.passes(f"http://user:pa%2Dss@localhost:{port}/")
        said = pathlib.Path(self.folder, "log").read_text()
        self.assertIn(f"CONNECT localhost:{self.upstream_side.port}", said)
        self.assertNotIn("/a?b", said)  # also what goes without TLS goes through a tunnel

    def test_connect_with_wrong_credentials(self):
        port = self.tinyproxy()
        for credentials in ("user:hidden@", "other:pa-ss@", ""):
            self.fails(f"http://{credentials}127.0.0.1:{port}", 502, "egress proxy refused")

    def test_connect_to_a_port_that_is_refused(self):
        port = self.tinyproxy("ConnectPort 443")
        self.fails(f"http://user:pa-ss@127.0.0.1:{port}", 502, "egress proxy answered 403")

    def test_connect_to_nobody(self):
        self.fails(f"http://user:pa-ss@127.0.0.1:{self.tinyproxy()}", 502, "egress proxy answered",
                   url=f"https://localhost:{free_port()}")

    def test_squid(self):
        port = self.configured("squid", SQUID, "-N", "-f", allowed=self.upstream_side.port)
        relay = self.by("fetch", self.upstream_side.url, egress_proxy=f"http://127.0.0.1:{port}")
        for _ in range(3):
            self.assertEqual(200, self.ask_raw(relay, "/a", "POST", body=b"{}").status)
        self.heads.clear()
        self.fails(f"http://127.0.0.1:{port}", 502, "egress proxy answered 403", url=self.plain.url)

    def test_a_proxy_over_tls(self):
        """The upstream's own TLS goes within; the proxy's certificate counts."""
        asked = []

        def script(connection):
            asked.append(connection.recv_head())
            host, _, port = asked[-1].split(b" ")[1].decode().rpartition(":")
            with socket.create_connection((host, int(port))) as further:
                connection.send("HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pump, args=(further.recv, connection.send))
                back.start()
                pump(connection.recv_some, further.sendall)
                further.shutdown(socket.SHUT_RDWR)
                back.join()
        proxy = self.upstream(script, tls=True)
        self.passes(f"https://user:pa-ss@localhost:{proxy.port}")
        self.assertIn(b"\r\nProxy-Authorization: Basic dXNlcjpwYS1zcw==\r\n", asked[0])
        self.heads.clear()
        for name in ("untrusted", "wrong_host", "expired"):
            wrong = self.upstream(always(OK), certificate=getattr(certs, name)())
            self.fails(f"https://user:hidden@localhost:{wrong.port}", 502,
                       "egress proxy's certificate was refused")

    def test_what_connect_says_of_the_relay(self):
        asked = []

        def script(connection):
            asked.append(connection.recv_head())
            connection.send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
            connection.recv_end()
        proxy = self.upstream(script)
        self.fails(f"http://{proxy.address}", 502, "egress proxy answered 403")
        self.assertEqual(1, len(asked))
        self.assertNotIn(b"curl", asked[0].lower())
        self.assertNotIn(b"user-agent", asked[0].lower())

    # -- SOCKS5

    def test_socks(self):
        port = self.microsocks()
        for scheme in ("socks5", "socks5h"):
            self.passes(f"{scheme}://user:pa%3Ass@127.0.0.1:{port}")

    def test_socks_with_wrong_credentials(self):
        port = self.microsocks()
        for scheme in ("socks5", "socks5h"):
            for credentials in ("user:hidden@", "other:pa%3Ass@", ""):
                self.fails(f"{scheme}://{credentials}127.0.0.1:{port}", 502, "egress proxy refused")

    def test_socks_to_nobody(self):
        self.fails(f"socks5h://user:pa%3Ass@127.0.0.1:{self.microsocks()}", 502, "egress proxy",
                   url=f"https://localhost:{free_port()}")

    def test_socks_of_a_name_that_is_none(self):
        self.fails(f"socks5://user:pa%3Ass@127.0.0.1:{self.microsocks()}", 502, "",
                   url="https://nowhere.invalid", stage="resolve")

    # -- whatever kind

    def test_a_proxy_that_is_dead(self):
        for scheme in ("http", "https", "socks5", "socks5h"):
            self.fails(f"{scheme}://user:hidden@127.0.0.1:{free_port()}", 502, "egress proxy")

    def test_a_proxy_that_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            for scheme in ("http", "https", "socks5", "socks5h"):
                self.fails(f"{scheme}://user:hidden@127.0.0.1:{silent.getsockname()[1]}", 504,
                           "egress proxy took too long", timeouts={"tls": "200ms"})

    def test_a_proxy_that_leaves_or_talks_nonsense(self):
        for answer in (b"", b"nonsense", b"HTTP/1.1 200", b"\x05\xff", b"\x04\x00"):
            proxy = self.upstream(lambda connection: (connection.recv_some(),
                                                      connection.send(answer)))
            for scheme in ("http", "socks5h"):
                with self.subTest(scheme=scheme, answer=answer):
                    self.fails(f"{scheme}://user:hidden@{proxy.address}", 502, "egress proxy")

    def test_the_upstreams_certificate_counts_behind_a_proxy(self):
        wrong = self.upstream(always(OK), certificate=certs.wrong_host())
        for proxy in (f"http://user:pa-ss@127.0.0.1:{self.tinyproxy()}",
                      f"socks5h://user:pa%3Ass@127.0.0.1:{self.microsocks()}"):
            self.fails(proxy, 502, "names another host", url=wrong.url, stage="tls")

    def test_http2_through_a_proxy(self):
        if not program("nginx"):
            self.skipTest("nginx is not installed")
        nginx = Nginx(self, self.folder, self.plain.port)
        relay = self.by("fetch", f"https://localhost:{nginx.port}",
                        egress_proxy=f"http://user:pa-ss@127.0.0.1:{self.tinyproxy()}")
        self.assertEqual(200, self.ask_raw(relay).status)
        self.assertTrue(nginx.seen(1)[0].startswith("HTTP/2.0|GET|/a|localhost|"))

    def test_what_is_no_proxy_stops_the_start(self):
        for proxy, words in (("ftp://127.0.0.1:1", "scheme"), ("127.0.0.1:3128", "no URL"),
                             ("http://", "address"), ("http://a b@127.0.0.1:1", "written"),
                             ("socks4://127.0.0.1:1", "scheme")):
            path = pathlib.Path(self.folder, "relay.yaml")
            path.write_text(settings.upstream("raw", self.plain.url, egress_proxy=proxy))
            done = run_once("--config", str(path), "--check")
            self.assertEqual(2, done.returncode, done)
            self.assertIn(words, done.stderr)
            self.assertNotIn("a b@", done.stderr)

    # -- the environment

    def test_the_environment_is_not_asked(self):
        """A proxy that would fail every request stands in each variable that libcurl knows."""
        port = free_port()
        names = ("http_proxy", "https_proxy", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
        env = {name: f"http://127.0.0.1:{port}" for name in names}
        for url in (self.upstream_side.url, self.plain.url):
            relay = self.by("fetch", url, env=env)
            self.assertEqual(200, self.ask_raw(relay).status)

    def test_no_proxy_of_the_environment_takes_none_away(self):
        """What is configured is used, though NO_PROXY names the upstream: to go there directly
        would show the relay's own address."""
        asked = []

        def script(connection):
            asked.append(connection.recv_head())
            connection.send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        proxy = self.upstream(script)
        for value in ("*", "localhost,127.0.0.1"):
            self.fails(f"http://{proxy.address}", 502, "egress proxy answered 403",
                       env={"NO_PROXY": value, "no_proxy": value})
        self.assertEqual(2, len(asked))
        self.assertEqual([], self.peers)


class Addresses(FetchCase):
    """Keys that leave by addresses of their own, and whose connections nobody else uses."""

    KEYS = [f"sk-key-{number}-0123456789abcdef" for number in range(3)]

    def setUp(self):
        self.came = []

        def script(connection):
            while True:
                head = connection.recv_request()[0].decode().lower()
                key = head.split("authorization: bearer ")[1].split("\r\n")[0]
                self.came.append((key, connection.peer[0], connection.number))
                connection.answer()
        self.upstream_side = self.upstream(script, tls=True)

    def relay_of(self, strategy: str, bind: list) -> object:
        pool = settings.pool("raw", self.KEYS, bind=bind)
        return self.by(strategy, self.upstream_side.url, more=(pool,), dialect="openai",
                       env={"AUTH_TOKEN": TOKEN})

    def ask_as_tenant(self, relay) -> object:
        return exchange(relay.http, request("/raw/a", fields=f"X-Culvert-Token: {TOKEN}\r\n"))

    @staticmethod
    def named(key: str) -> str:
        return sha256(key.encode()).hexdigest()[:12]

    def test_keys_leave_by_their_addresses(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                self.came.clear()
                relay = self.relay_of(strategy, [
                    {"address": "127.0.0.2", "keys": [self.named(self.KEYS[0])]},
                    {"address": "127.0.0.3", "keys": [self.named(self.KEYS[1])]}])
                for _ in range(9):
                    self.assertEqual(200, self.ask_as_tenant(relay).status)
                self.assertEqual({(self.KEYS[0], "127.0.0.2"), (self.KEYS[1], "127.0.0.3"),
                                  (self.KEYS[2], "127.0.0.1")},
                                 {(key, address) for key, address, _ in self.came})
                # Connections are used again, each from one address.
                self.assertEqual(3, len({connection for *_, connection in self.came}))

    def test_all_other_keys(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                self.came.clear()
                relay = self.relay_of(strategy, [
                    {"address": "127.0.0.2", "keys": [self.named(self.KEYS[0])]},
                    {"address": "127.0.0.4"}])
                for _ in range(6):
                    self.assertEqual(200, self.ask_as_tenant(relay).status)
                self.assertEqual({(self.KEYS[0], "127.0.0.2"), (self.KEYS[1], "127.0.0.4"),
                                  (self.KEYS[2], "127.0.0.4")},
                                 {(key, address) for key, address, _ in self.came})

    def test_an_address_that_the_machine_does_not_have(self):
        told = []
        for strategy in STRATEGIES:
            relay = self.relay_of(strategy, [{"address": "192.0.2.77"}])
            answer = self.ask_as_tenant(relay)
            line = self.logged(relay, answer)
            self.assertEqual("connect", line["stage"], line)
            told.append((answer.status, line["outcome"], line["error"]))
        self.assertEqual(1, len(set(told)), told)
        self.assertIn("cannot connect from 192.0.2.77", told[0][2])
        self.assertEqual([], self.came)

    def test_tenants_that_ask_for_connections_of_their_own_get_them(self):
        tokens = ["tenant-one-0123456789abcdef", "tenant-two-0123456789abcdef"]
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                self.came.clear()
                relay = self.by(strategy, self.upstream_side.url, isolation="tenant",
                                dialect="openai", env={"AUTH_TOKEN": ",".join(tokens)},
                                more=(settings.pool("raw", self.KEYS[:1]),))
                used = {token: set() for token in tokens}
                for token in tokens * 3:
                    answer = exchange(relay.http, request(
                        "/raw/a", fields=f"X-Culvert-Token: {token}\r\n"))
                    self.assertEqual(200, answer.status, answer.body)
                    used[token].add(self.came[-1][2])
                self.assertEqual([1, 1], [len(one) for one in used.values()])
                self.assertEqual(2, len(set.union(*used.values())))


def pump(read, write) -> None:
    try:
        while data := read(65536):
            write(data)
    except (OSError, Ended):
        pass


if __name__ == "__main__":
    unittest.main()
