# privacy.md on the wire. Two clients that differ in everything but what they ask for give the same
# bytes at the upstream; nothing of the deny table ever arrives, whatever a configuration allows.
# Tokens and keys are in secrets_test.py, the relay's ClientHello in client_hello_test.py.
import tempfile
import unittest

from tests.fakes import certs
from tests.fakes.raw_client import RawClient
from tests.fakes.relay import run_once
from tests.integration.http.support import KEY_A, KEY_B, OK, TOKEN, HttpCase, always, fields_of

# Every name and prefix of the deny table; a prefix stands for itself with two endings.
DENIED_NAMES = (
    "Forwarded Via X-Real-IP X-Client-IP X-Cluster-Client-IP True-Client-IP X-Request-Id "
    "X-Correlation-Id traceparent tracestate baggage b3 DNT Priority Early-Data Keep-Alive TE "
    "Trailer Upgrade").split()
DENIED_PREFIXES = (
    "X-Forwarded- CF- CDN- CloudFront- Fastly- Fly- X-Vercel- X-NF- X-Amzn- X-Appengine- X-Azure- "
    "X-Envoy- X-Original- Sec-CH- Sec-Fetch- Proxy- X-Culvert-").split()
NEED_NAMING = ["Cookie", "Origin", "Referer"]
DENIED = DENIED_NAMES + [p + end for p in DENIED_PREFIXES for end in ("For", "Some-Thing")]
MARK = "203.0.113.77-very-private"
BODY = b'{"model":"m","messages":[]}'

OPENAI_SDK = [
    ("Host", "relay.one.test"), ("Accept", "application/json"),
    ("Content-Type", "application/json"), ("User-Agent", "OpenAI/JS 6.1.0"),
    ("X-Stainless-Lang", "js"), ("X-Stainless-OS", "Linux"),
    ("X-Stainless-Retry-Count", "0"), ("openai-organization", "org-1"),
    ("OpenAI-Beta", "assistants=v2"), ("Accept-Language", "de-DE,de;q=0.9"),
    ("X-Forwarded-For", MARK), ("Forwarded", f"for={MARK}"), ("Via", f"1.1 {MARK}"),
    ("Cookie", f"session={MARK}"), ("Origin", "https://shop.test"),
    ("Referer", "https://shop.test/"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("Sec-CH-UA", '"Chromium"'), ("Sec-Fetch-Mode", "cors"), ("DNT", "1"),
    ("Connection", "keep-alive, X-Secret-Hop"), ("X-Secret-Hop", MARK), ("TE", "trailers"),
    ("X-Culvert-Token", TOKEN), ("Priority", "u=1"), ("X-Made-Up", MARK)]
CURL = [
    ("host", "RELAY.two.test:8443"), ("X-MADE-UP-TOO", "other"), ("openai-beta", "assistants=v2"),
    ("OPENAI-ORGANIZATION", "org-1"), ("content-type", "application/json"),
    ("user-agent", "curl/8"), ("aCCept", "application/json"),
    ("proxy-authorization", f"Bearer {TOKEN}"),
    ("CF-Connecting-IP", MARK), ("X-Real-IP", MARK), ("Keep-Alive", "timeout=5")]


def head_of(fields, path="/openai/v1/chat/completions", body=BODY) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return (f"POST {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n").encode() + body


class TwoClients(HttpCase):
    def setUp(self):
        self.raw = self.upstream(always(OK), tls=True)
        good = certs.server()
        self.under_test = self.relay(
            AUTH_TOKEN=TOKEN, CULVERT_LISTEN="http://127.0.0.1:0,https://127.0.0.1:0",
            CULVERT_TLS_CERT=good.cert, CULVERT_TLS_KEY=good.key,
            PROXY_OPENAI_TARGET=self.raw.url, PROXY_RAW_TARGET=self.raw.url,
            OPENAI_API_KEYS=KEY_A, CULVERT_WORKERS="1")

    def received(self, address, data: bytes, tls=None, source=None) -> bytes:
        before = sum(len(c.received) for c in self.raw.connections)
        with RawClient(address, tls, source=source) as client:
            self.assertEqual(client.send(data).read_response().status, 200)
        return b"".join(c.received for c in self.raw.connections)[before:]

    def pair(self, credential_one, credential_two, path="/openai/v1/chat/completions"):
        """What two clients with two credentials give, from two addresses, one of them over TLS."""
        one = self.received(self.under_test.https, head_of(OPENAI_SDK + credential_one, path),
                            certs.authority().client_context(), "127.0.0.1")
        two = self.received(self.under_test.http, head_of(credential_two + CURL, path),
                            source="127.0.0.3")
        self.assertIn(b"POST /v1/chat/completions HTTP/1.1\r\n", one)
        return one, two

    def test_two_very_different_clients_give_the_same_bytes(self):
        one, two = self.pair([], [])  # the pool pays for both
        self.assertEqual(one, two)

    def test_outside_of_the_key_also_where_each_brings_its_own(self):
        one, two = self.pair([("Authorization", f"Bearer {KEY_A}")],
                             [("AUTHORIZATION", f"bearer {KEY_B}")])
        self.assertNotEqual(one, two)
        self.assertEqual(one.replace(KEY_A.encode(), b"K"), two.replace(KEY_B.encode(), b"K"))

    def test_an_opaque_upstream_keeps_the_promise_too(self):
        one, two = self.pair([], [], "/raw/v1/chat/completions")
        self.assertEqual(one, two)

    def test_the_bytes_are_these(self):
        """Order and spelling are the relay's own; Host has its port."""
        one, _ = self.pair([], [])
        self.assertEqual(one.decode(), (
            "POST /v1/chat/completions HTTP/1.1\r\n"
            f"Host: localhost:{self.raw.port}\r\n"
            f"User-Agent: culvert\r\nAuthorization: Bearer {KEY_A}\r\n"
            "Accept: application/json\r\nContent-Type: application/json\r\n"
            "OpenAI-Organization: org-1\r\nOpenAI-Beta: assistants=v2\r\n"
            f"Content-Length: {len(BODY)}\r\n\r\n{BODY.decode()}"))


class DenyTable(HttpCase):
    """Sent all at once, in four spellings, to every kind of destination."""

    def arrive(self, path: str, names=tuple(DENIED + NEED_NAMING)) -> None:
        raw = self.upstream(always(OK))
        relay = self.relay(upstream=raw, AUTH_TOKEN=TOKEN, CULVERT_GENERIC_ALLOW="127.0.0.0/8")
        path = path.replace("ADDRESS", raw.address)
        for spell in (str, str.upper, str.lower, lambda name: name.replace("-", "_")):
            for part in (names[:40], names[40:]):
                fields = "".join(f"{spell(name)}: {MARK}\r\n" for name in part)
                self.assertEqual(self.ask(relay, path, fields=fields).status, 200)
        for connection in raw.connections:
            self.assertNotIn(MARK.encode(), connection.received)
            self.assertNotIn(TOKEN.encode(), connection.received)

    CONFIG = """
kind: Upstream
name: raw
spec:
  targets: [{{url: "URL"}}]
---
kind: Route
name: route
spec:
  match: {{path_prefix: /route}}
  to: [{{upstream: raw}}]
  headers:
    allow: [{names}]
"""

    def test_fault_01_presets_send_none_of_it(self):
        self.arrive("/raw/a")

    def test_the_generic_proxy_sends_none_of_it(self):
        self.arrive(f"/{TOKEN}/http/ADDRESS/a")

    def test_the_generic_proxy_sends_what_its_list_names_and_presets_never(self):
        raw = self.upstream(always(OK))
        relay = self.relay(
            f'kind: Relay\nname: r\nspec:\n  auth_tokens: ["{TOKEN}"]\n'
            "  generic_allow: [127.0.0.0/8]\n  generic_headers_allow: [cookie, Accept-Language]\n"
            f'---\nkind: Upstream\nname: raw\nspec:\n  targets: [{{url: "{raw.url}"}}]\n')
        sent = ("Cookie: a=1\r\nCookie: b=2\r\nOrigin: https://shop.test\r\n"
                "Accept-Language: de\r\nX-Forwarded-For: 203.0.113.7\r\n")
        self.ask(relay, f"/{TOKEN}/http/{raw.address}/a", fields=sent)
        self.ask(relay, f"/{TOKEN}/raw/a", fields=sent)
        generic, preset = (fields_of(received) for c in raw.connections
                           for received in c.received.split(b"GET ")[1:])
        self.assertEqual(generic["cookie"], "a=1; b=2")
        self.assertEqual(generic["accept-language"], "de")
        self.assertEqual(set(generic), {"host", "user-agent", "cookie", "accept-language"})
        self.assertEqual(set(preset), {"host", "user-agent"})

    def test_a_route_that_would_allow_them_is_refused(self):
        """A configuration may not even say so; the line of the error names the header."""
        for name in DENIED:
            with self.subTest(name), tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(self.CONFIG.format(names=f'"{name}"').replace("URL", "http://a.test"))
                file.flush()
                done = run_once("--check", "--config", file.name)
                self.assertEqual(done.returncode, 2, done)
                self.assertRegex(done.stderr, rf"(?i){file.name}:\d+: .*{name}")

    def test_a_route_may_allow_other_headers(self):
        raw = self.upstream(always(OK))
        relay = self.relay(self.CONFIG.format(names="x-made-up").replace("URL", raw.url))
        self.ask(relay, "/route/a", fields="X-Made-Up: yes\r\nX-Other: no\r\n")
        fields = fields_of(raw.connections[0].received)
        self.assertEqual(fields["x-made-up"], "yes")
        self.assertNotIn("x-other", fields)


class HopByHop(HttpCase):
    def test_fault_10_connection_headers_stop_here_in_both_directions(self):
        answer = (b"HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nX-Hop: up\r\nKeep-Alive: 5\r\n"
                  b"Proxy-Authenticate: Basic\r\nTrailer: X-T\r\nUpgrade: h2c\r\nX-End: stays\r\n"
                  b"Set-Cookie: a=b\r\nX-Culvert-Resumed: 9\r\nX-Proxy-Error: true\r\n"
                  b"Content-Length: 2\r\n\r\nok")
        raw = self.upstream(always(answer))
        relay = self.relay(upstream=raw)
        got = self.ask(relay, "/raw/a", fields=(
            "Connection: accept, keep-alive\r\nAccept: nominated/away\r\nTE: trailers\r\n"
            "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\n"
            "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"))
        self.assertEqual({name.lower() for name, _ in got.headers},
                         {"x-end", "x-request-id", "content-length", "date"})
        self.assertEqual(set(fields_of(raw.connections[0].received)), {"host", "user-agent"})

    def test_a_framing_header_cannot_be_nominated_away(self):
        raw = self.upstream(always(OK))
        got = self.ask(self.relay(upstream=raw), "/raw/a", "POST", body=b"hello",
                       fields="Connection: Content-Length, Host\r\n")
        self.assertEqual(got.status, 200)
        fields = fields_of(raw.connections[0].received.split(b"\r\n\r\n")[0] + b"\r\n\r\n")
        self.assertEqual(fields["content-length"], "5")
        self.assertIn("host", fields)


if __name__ == "__main__":
    unittest.main()
