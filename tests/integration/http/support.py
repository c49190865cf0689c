# What the HTTP tests share: a test case that owns a relay and its upstreams, requests as bytes, and
# the questions asked of every answer that the relay made itself. Used by one test at a time, on its
# own thread.
import json
import pathlib
import unittest

from tests.fakes import certs
from tests.fakes.raw_client import RawClient, Response, exchange
from tests.fakes.raw_upstream import RawUpstream
from tests.fakes.relay import Relay

TOKEN = "relay-token-0123456789abcdef"
WRONG_TOKEN = "wrong-token-0123456789abcdef"
KEY_A = "sk-first-ABCDEFGHIJKLMNOPQRSTUV-wxyz"
KEY_B = "sk-other-0123456789012345678901-9876"


def request(path: str, method: str = "GET", fields: str = "", body: bytes = b"",
            version: str = "1.1", host: str = "relay.test") -> bytes:
    """`fields` are whole lines, each with its CRLF; a body gets its Content-Length."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return (f"{method} {path} HTTP/{version}\r\nHost: {host}\r\n{fields}{length}\r\n"
            ).encode("latin-1") + body


def fields_of(head: bytes) -> dict[str, str]:
    """The fields of a raw head by lower-case name; a name that comes twice is an error."""
    found: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n")[1:]:
        if line:
            name, _, value = line.partition(":")
            assert name.lower() not in found, f"{name} twice in {head!r}"
            found[name.lower()] = value.strip()
    return found


def answering(*answers: bytes, end: str = "read"):
    """A script that reads a request for each of `answers` and sends it; then it reads on until the
    other side ends ("read"), or ends itself with "fin", "close_notify" or "rst"."""
    def script(connection):
        for answer in answers:
            connection.recv_request()
            connection.send(answer)
        if end != "read":
            getattr(connection, end)()
        connection.recv_end()
    return script


def always(answer: bytes):
    """A script that gives every request of its connection the same answer."""
    def script(connection):
        while True:
            connection.recv_request()
            connection.send(answer)
    return script


def memory(relay: Relay, what: str) -> int:
    """Bytes of the relay's process, resident now (VmRSS) or at most so far (VmHWM)."""
    text = pathlib.Path(f"/proc/{relay.pid}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class HttpCase(unittest.TestCase):
    """`upstream()` and `relay()` end with the test, the relay first."""

    def upstream(self, script, tls: bool = False, certificate=None, **options) -> RawUpstream:
        context = (certificate or certs.server()).server_context() if tls or certificate else None
        upstream = RawUpstream(script, tls=context, **options)
        self.addCleanup(upstream.close)
        return upstream

    def relay(self, config: str | None = None, upstream: RawUpstream | None = None, **env) -> Relay:
        """`upstream` becomes the opaque alias `raw`; the authority of the tests is trusted."""
        env.setdefault("SSL_CERT_FILE", certs.authority().ca_file)
        if upstream is not None:
            env.setdefault("PROXY_RAW_TARGET", upstream.url)
        return Relay.for_test(self, env, config)

    def client(self, relay: Relay) -> RawClient:
        client = RawClient(relay.http)
        self.addCleanup(client.close)
        return client

    def ask(self, relay: Relay, *args, **kwargs) -> Response:
        """One request (see request()) on a connection of its own."""
        return exchange(relay.http, request(*args, **kwargs))

    def assert_own_error(self, answer: Response, status: int, stage: str | None = None) -> dict:
        """The answer is an error that the relay made; its body, neutral or in any dialect."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertTrue(answer.complete, answer.ended)
        self.assertEqual(answer.get("x-proxy-error"), "true")
        self.assertEqual(answer.get("content-type"), "application/json")
        self.assertTrue(answer.get("x-request-id"))
        if stage is not None:
            self.assertEqual(answer.get("x-proxy-stage"), stage, answer.body)
        return json.loads(answer.body)

    def assert_cut(self, answer: Response) -> None:
        self.assertEqual(answer.status, 200)
        self.assertFalse(answer.complete, f"looks whole: {answer.framing} {answer.body!r}")


class WithUpstream(HttpCase):
    """One relay for a whole class: `at()` gives what the upstream got of one request."""

    @classmethod
    def setUpClass(cls):
        cls.raw = RawUpstream(always(OK))
        cls.addClassCleanup(cls.raw.close)
        cls.shared = Relay(cls.environment())
        cls.addClassCleanup(cls.shared.close)

    @classmethod
    def environment(cls) -> dict:
        base = f"{cls.raw.url}/base/v9"
        return {"AUTH_TOKEN": TOKEN, "PROXY_RAW_TARGET": cls.raw.url, "PROXY_BASED_TARGET": base,
                "PROXY_OPENAI_TARGET": cls.raw.url, "PROXY_GEMINI_TARGET": cls.raw.url,
                "PROXY_ANTHROPIC_TARGET": cls.raw.url, "PROXY_MY_OWN_TARGET": cls.raw.url}

    def seen(self) -> int:
        return sum(len(c.received) for c in self.raw.connections)

    def at(self, path: str, fields: str = "", method: str = "GET") -> str:
        """The request line's target at the upstream."""
        sizes = {c: len(c.received) for c in list(self.raw.connections)}
        answer = self.ask(self.shared, path, method, fields)
        self.assertEqual(answer.status, 200, answer.body)
        news = b"".join(c.received[sizes.get(c, 0):] for c in list(self.raw.connections))
        self.head = fields_of(news)
        return news.split(b" ")[1].decode("latin-1")

    def refused(self, path: str | bytes, status: int, fields: str = "", stage: str | None = None):
        before = self.seen()
        target = path.encode() if isinstance(path, str) else path
        answer = exchange(self.shared.http, b"GET " + target + b" HTTP/1.1\r\nHost: r\r\n"
                          + fields.encode() + b"\r\n")
        body = self.assert_own_error(answer, status, stage)
        self.assertEqual(self.seen(), before, "something reached the upstream")
        return answer, body
