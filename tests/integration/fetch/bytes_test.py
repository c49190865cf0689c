# What an upstream receives does not depend on the strategy: over HTTP/1.1 the heads are the same to
# the byte, over HTTP/2 the fields are, in their order, but for what that version puts elsewhere.
# Nothing of libcurl's own is among them, and redirects are never followed.
import json
import pathlib
import shutil
import subprocess
import unittest

from tests.fakes import certs
from tests.fakes.raw_client import exchange
from tests.fakes.raw_upstream import RawUpstream
from tests.integration.fetch.relays import STRATEGIES, FetchCase
from tests.integration.fetch.support import program, stop
from tests.integration.http.support import KEY_A, TOKEN
from tests.integration.life import settings

RECORDING = pathlib.Path(__file__).with_name("recording.mjs")
ODD = ("ACCEPT: a/b;q=0.5, */*\r\ncontent-TYPE: text/x\r\nAnthropic-Beta: a\r\n"
       "anthropic-beta: b\r\nX-Mine:\r\nX-Spaced:   two  words  \r\nRange: bytes=0-1\r\n"
       "If-None-Match: \"t\"\r\nX-Quoted: \"a;b\" (c), d=\r\nX-Latin: caf\xe9\r\n"
       "Idempotency-Key: i\r\n")
NOISE = ("User-Agent: client/1\r\nX-Forwarded-For: 192.0.2.1\r\nVia: 1.1 x\r\nCookie: a=b\r\n"
         "Expect: 100-continue\r\nTE: trailers\r\nOrigin: https://x.example\r\nDNT: 1\r\n"
         "Connection: X-Hop\r\nX-Hop: 1\r\nX-Culvert-Token: " + TOKEN + "\r\n")
REQUESTS = {  # method, path, fields, body (None: chunked)
    "bare": ("GET", "/a", "", b""),
    "odd": ("GET", "/a%2Fb//c;d?e=%2f&f=|&g", ODD, b""),
    "noise": ("GET", "/a", NOISE.replace("Expect: 100-continue\r\n", ""), b""),
    "post": ("POST", "/v1/x", ODD + NOISE, b'{"a": 1}'),
    "large post": ("POST", "/v1/x", "Content-Type: application/json\r\n", b"x" * 3_000_000),
    "empty post": ("POST", "/v1/x", "Content-Length: 0\r\n", b""),
    "chunked": ("PUT", "/v1/x", "Content-Type: text/x\r\n", None),
    "delete": ("DELETE", "/v1/x", "", b""),
    "delete with a body": ("DELETE", "/v1/x", "", b"body"),
    "options": ("OPTIONS", "/v1/x", "Accept-Encoding: gzip, br\r\n", b""),
    "head": ("HEAD", "/v1/x", "Accept: */*\r\n", b""),
    "own key": ("POST", "/v1/x", f"Authorization: Bearer {KEY_A}\r\n", b"{}"),
}
TOKENS = {"AUTH_TOKEN": TOKEN}
SPEC = {"headers": {"allow": ["x-mine", "x-spaced", "x-quoted", "x-latin"],
                    "set": {"X-Set": "by the relay", "x-lower": "1", "X-Empty": ""}}}


def bytes_of(name: str, alias: str = "raw") -> bytes:
    method, path, fields, body = REQUESTS[name]
    head = f"{method} /{alias}{path} HTTP/1.1\r\nHost: relay.test\r\n{fields}"
    if body is None:
        head += "Transfer-Encoding: chunked\r\n"
        body = b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"
    elif body:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode("latin-1") + b"\r\n" + body


class Bytes(FetchCase):
    def setUp(self):
        self.heads = []

        def script(connection):
            while True:
                self.heads.append(connection.recv_request())
                connection.answer("" if self.heads[-1][0].startswith(b"HEAD") else "ok")
        self.plain = self.upstream(script)
        self.secret = self.upstream(script, tls=True)

    def got(self, relay, name: str) -> tuple[bytes, bytes]:
        self.heads.clear()
        answer = exchange(relay.http, bytes_of(name))
        self.assertEqual(200, answer.status, answer.body)
        self.assertEqual(1, len(self.heads))
        return self.heads[0]

    def test_heads_are_the_same_to_the_byte(self):
        for url in (self.plain.url, self.secret.url):
            for spec in (SPEC, {"client_user_agent": True}):
                relays = [self.by(one, url, env=TOKENS, **spec) for one in STRATEGIES]
                for name in REQUESTS:
                    with self.subTest(name, url=url, spec=spec):
                        by_socket, by_fetch = (self.got(relay, name) for relay in relays)
                        self.assertEqual(by_socket, by_fetch)
                        for word in (b"curl", b"expect", b"100-continue", b"client/1"):
                            if word != b"client/1" or spec is SPEC:
                                self.assertNotIn(word, by_fetch[0].lower())
                        if name == "bare" and spec is not SPEC:
                            self.assertEqual(b"GET /a HTTP/1.1", by_fetch[0].split(b"\r\n")[0])
                            self.assertNotIn(b"accept", by_fetch[0].lower())
                            self.assertNotIn(b"user-agent", by_fetch[0].lower())

    def test_redirects_are_handed_on(self):
        for strategy in STRATEGIES:
            for status in (301, 302, 303, 307, 308):
                def script(connection):
                    connection.recv_request()
                    connection.answer("", f"{status} Moved",
                                      f"Location: {self.plain.url}/elsewhere\r\n")
                raw = self.upstream(script, tls=True)
                answer = self.ask_raw(self.by(strategy, raw.url), method="POST", body=b"{}")
                self.assertEqual((status, f"{self.plain.url}/elsewhere"),
                                 (answer.status, answer.get("location")))
        self.assertEqual([], self.heads)


@unittest.skipUnless(shutil.which("node"), "Node.js is not installed")
class Fields(FetchCase):
    # Of HTTP/1.1 alone (RFC 9113 §8.2.2, §8.3.1).
    ELSEWHERE = ("host", "transfer-encoding")

    def setUp(self):
        good = certs.server()
        self.node = subprocess.Popen([program("node"), str(RECORDING), good.cert, good.key],
                                     stdout=subprocess.PIPE)
        self.addCleanup(self.node.stdout.close)
        self.addCleanup(stop, self.node)
        self.url = f"https://localhost:{int(self.node.stdout.readline())}"

    def test_fields_are_the_same_over_http2(self):
        seen = []

        def script(connection):
            while True:
                seen.append(connection.recv_request())
                connection.answer("" if seen[-1][0].startswith(b"HEAD") else "ok")
        raw = self.upstream(script, tls=True)
        by_socket = self.by("socket", raw.url, env=TOKENS, **SPEC)
        by_fetch = self.by("fetch", self.url, env=TOKENS, **SPEC)
        for name in REQUESTS:
            with self.subTest(name):
                seen.clear()
                for relay in (by_socket, by_fetch):
                    answer = exchange(relay.http, bytes_of(name))
                    self.assertEqual(200, answer.status, answer.body)
                lines = seen[0][0].decode("latin-1").split("\r\n")[:-2]
                fields = [(line.partition(":")[0].lower(), line.partition(":")[2].strip())
                          for line in lines[1:]]
                told = json.loads(self.node.stdout.readline())
                pairs = list(zip(told["fields"][::2], told["fields"][1::2]))
                pseudo = {n: v for n, v in pairs if n.startswith(":")}
                method, target, _ = lines[0].split(" ")
                authority = self.url.removeprefix("https://")
                self.assertEqual({":method": method, ":path": target, ":scheme": "https",
                                  ":authority": authority}, pseudo)
                self.assertEqual([f for f in fields if f[0] not in self.ELSEWHERE],
                                 [p for p in pairs if not p[0].startswith(":")])
                self.assertEqual(len(seen[0][1]), told["body"])


class Generic(FetchCase):
    """The generic proxy by fetch: where the socket strategy cannot do the host's TLS."""

    def test_the_fallback_of_the_generic_proxy_sends_the_same(self):
        answers = []
        raw = self.only_for_openssl(lambda connection: (
            answers.append(connection.recv_request()[0]), connection.answer()))
        relay = self.by("socket", "http://127.0.0.1:1", env={
            "AUTH_TOKEN": TOKEN, "CULVERT_GENERIC_ALLOW": "localhost"})
        answer = exchange(relay.http, f"GET /{TOKEN}/https/localhost:{raw.port}/a?b HTTP/1.1\r\n"
                          f"Host: r\r\nAccept: */*\r\n{NOISE}\r\n")
        line = self.logged(relay, answer)
        self.assertEqual((200, "fetch"), (answer.status, line["strategy"]), line)
        self.assertEqual([(f"GET /a?b HTTP/1.1\r\nHost: localhost:{raw.port}\r\n"
                           "User-Agent: culvert\r\n").encode()],
                         [head.partition(b"Accept")[0] for head in answers])
        self.assertNotIn(TOKEN.encode(), answers[0])

    def test_addresses_are_checked_by_fetch_too(self):
        """Its name may be reached, but not the address that it has: neither strategy goes there."""
        raw = self.only_for_openssl(lambda connection: connection.recv_request())
        for allowed in ("192.0.2.0/24", "elsewhere.example"):
            relay = self.by("socket", "http://127.0.0.1:1", env={
                "AUTH_TOKEN": TOKEN, "CULVERT_GENERIC_ALLOW": allowed})
            for host in ("localhost", "127.0.0.1"):
                answer = exchange(relay.http, f"GET /{TOKEN}/https/{host}:{raw.port}/ HTTP/1.1\r\n"
                                  "Host: r\r\n\r\n")
                self.assertEqual(403, answer.status, answer.body)
        self.assertEqual([], raw.connections)

    def test_a_redirect_leads_nobody_inside(self):
        inside = self.upstream(lambda connection: connection.recv_request())
        raw = self.only_for_openssl(lambda connection: (
            connection.recv_request(),
            connection.answer("", "302 Found", f"Location: {inside.url}/\r\n")))
        relay = self.by("socket", "http://127.0.0.1:1", env={
            "AUTH_TOKEN": TOKEN, "CULVERT_GENERIC_ALLOW": "localhost"})
        answer = exchange(relay.http, f"GET /{TOKEN}/https/localhost:{raw.port}/ HTTP/1.1\r\n"
                          "Host: r\r\n\r\n")
        self.assertEqual((302, "fetch"), (answer.status, self.logged(relay, answer)["strategy"]))
        self.assertEqual([], inside.connections)

    def only_for_openssl(self, script) -> RawUpstream:
        """Its TLS has a suite that libcurl offers and the socket strategy does not."""
        context = certs.server("rsa").server_context()
        context.maximum_version = context.minimum_version
        context.set_ciphers("AES256-SHA")
        upstream = RawUpstream(script, tls=context)
        self.addCleanup(upstream.close, False)  # the socket strategy's handshake fails
        return upstream


class Fallback(FetchCase):
    only_for_openssl = Generic.only_for_openssl

    def test_fetch_takes_over_where_the_socket_fails(self):
        bodies = []

        def script(connection):
            while True:
                bodies.append(connection.recv_request()[1])
                connection.answer()
        raw = self.only_for_openssl(script)
        relay = self.by(("socket", "fetch"), raw.url)
        for number in range(3):
            answer = self.ask_raw(relay, method="POST", body=b"body %d" % number)
            line = self.logged(relay, answer)
            self.assertEqual((200, "fetch"), (answer.status, line["strategy"]), line)
            self.assertEqual(2 if number == 0 else 1, line["attempts"])  # what works is remembered
        self.assertEqual([b"body 0", b"body 1", b"body 2"], bodies)

    def test_both_fail(self):
        raw = self.only_for_openssl(lambda connection: connection.recv_request())
        raw.close(False)
        relay = self.by(("socket", "fetch"), raw.url)
        answer = self.ask_raw(relay, method="POST", body=b"{}")
        self.assert_own_error(answer, 502, "connect")
        self.assertEqual(2, self.logged(relay, answer)["attempts"])


if __name__ == "__main__":
    unittest.main()
