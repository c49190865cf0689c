# privacy.md on the wire. Two clients that differ in everything but what they ask for give the same
# bytes at the upstream; nothing of the deny table ever arrives, whatever a configuration allows; no
# token and no key stands in a log, a metric or an error. The relay's ClientHello is in
# client_hello_test.py.
import json
import unittest

from tests.fakes import certs
from tests.fakes.raw_client import RawClient
from tests.integration.http.support import (KEY_A, KEY_B, OK, TOKEN, HttpCase, always, fields_of,
                                            request)

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
    ("Host", "relay.one.test"), ("Accept", "application/json"), ("Content-Type", "application/json"),
    ("User-Agent", "OpenAI/JS 6.1.0"), ("X-Stainless-Lang", "js"), ("X-Stainless-OS", "Linux"),
    ("X-Stainless-Retry-Count", "0"), ("openai-organization", "org-1"),
    ("OpenAI-Beta", "assistants=v2"), ("Accept-Language", "de-DE,de;q=0.9"),
    ("X-Forwarded-For", MARK), ("Forwarded", f"for={MARK}"), ("Via", f"1.1 {MARK}"),
    ("Cookie", f"session={MARK}"), ("Origin", "https://shop.test"), ("Referer", "https://shop.test/"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("Sec-CH-UA", '"Chromium"'), ("Sec-Fetch-Mode", "cors"), ("DNT", "1"),
    ("Connection", "keep-alive, X-Secret-Hop"), ("X-Secret-Hop", MARK), ("TE", "trailers"),
    ("X-Culvert-Token", TOKEN), ("Priority", "u=1"), ("X-Made-Up", MARK)]
CURL = [
    ("host", "RELAY.two.test:8443"), ("X-MADE-UP-TOO", "other"), ("openai-beta", "assistants=v2"),
    ("OPENAI-ORGANIZATION", "org-1"), ("content-type", "application/json"), ("user-agent", "curl/8"),
    ("aCCept", "application/json"), ("proxy-authorization", f"Bearer {TOKEN}"),
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
            "User-Agent: culvert\r\nAccept: application/json\r\n"
            f"Content-Type: application/json\r\nAuthorization: Bearer {KEY_A}\r\n"
            "Openai-Beta: assistants=v2\r\nOpenai-Organization: org-1\r\n"
            f"Content-Length: {len(BODY)}\r\n\r\n{BODY.decode()}"))


class DenyTable(HttpCase):
    """Sent all at once, in three spellings, to every kind of destination."""

    def arrive(self, path: str, config: str | None = None, names=DENIED, **env) -> dict:
        raw = self.upstream(always(OK))
        relay = self.relay(config and config.replace("URL", raw.url), AUTH_TOKEN=TOKEN,
                           CULVERT_GENERIC_ALLOW="127.0.0.0/8",
                           PROXY_RAW_TARGET=None if config else raw.url, **env)
        path = path.replace("ADDRESS", raw.address)
        for spell in (str, str.upper, str.lower, lambda name: name.replace("-", "_")):
            for part in (names[:40], names[40:]):
                fields = "".join(f"{spell(name)}: {MARK}\r\n" for name in part)
                if spell(part[0]) != part[0] and "_" in spell("a-b"):
                    fields = fields.replace("\r\nTE: ", "\r\nT_E: ")
                fields = fields.replace(f"X-Culvert-Token: {MARK}\r\n", "")
                self.assertEqual(self.ask(relay, path, fields=fields).status, 200)
        for connection in raw.connections:
            self.assertNotIn(MARK.encode(), connection.received)
            self.assertNotIn(TOKEN.encode(), connection.received)
        return fields_of(raw.connections[-1].received.split(b"\r\n\r\n")[-2])

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
        self.arrive("/raw/a", names=DENIED + NEED_NAMING)

    def test_the_generic_proxy_sends_none_of_it(self):
        self.arrive(f"/{TOKEN}/http/ADDRESS/a", names=DENIED + NEED_NAMING)

    def test_a_route_that_would_allow_them_is_refused_or_sends_none_of_it(self):
        """A configuration may not even say so; the line of the error names the header."""
        from tests.fakes.relay import run_once
        import tempfile
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
                         {"x-end", "x-request-id", "content-length"})
        self.assertEqual(set(fields_of(raw.connections[0].received)), {"host", "user-agent"})

    def test_a_framing_header_cannot_be_nominated_away(self):
        raw = self.upstream(always(OK))
        got = self.ask(self.relay(upstream=raw), "/raw/a", "POST", body=b"hello",
                       fields="Connection: Content-Length, Host\r\n")
        self.assertEqual(got.status, 200)
        fields = fields_of(raw.connections[0].received.split(b"\r\n\r\n")[0] + b"\r\n\r\n")
        self.assertEqual(fields["content-length"], "5")
        self.assertIn("host", fields)


class Secrets(HttpCase):
    """Tokens and keys in every place where a client can put one."""

    PLACES = {
        "path": (f"/{TOKEN}/openai/v1/models", ""),
        "proxy-authorization": ("/openai/v1/models", f"Proxy-Authorization: Bearer {TOKEN}\r\n"),
        "x-culvert-token": ("/openai/v1/models", f"X-Culvert-Token: {TOKEN}\r\n"),
        "bearer": ("/openai/v1/models", f"Authorization: Bearer {TOKEN}\r\n"),
        "x-api-key": ("/openai/v1/models", f"x-api-key: {TOKEN}\r\n"),
        "x-goog-api-key": ("/openai/v1/models", f"x-goog-api-key: {TOKEN}\r\n"),
        "query": (f"/openai/v1/models?a=1&key={TOKEN}&b=2", ""),
        "an allowed header beside it": (
            "/openai/v1/models", f"X-Culvert-Token: {TOKEN}\r\nAccept: text/plain;v={TOKEN}\r\n"
            f"OpenAI-Beta: a, {TOKEN}\r\nIf-Match: \"{TOKEN}\"\r\n"),
        "beside the own key": ("/openai/v1/models",
                               f"Authorization: Bearer {KEY_B}\r\nX-Culvert-Token: {TOKEN}\r\n"),
    }

    def setUp(self):
        self.raw = self.upstream(always(OK))
        self.under_test = self.relay(AUTH_TOKEN=TOKEN, OPENAI_API_KEYS=KEY_A, DEBUG_MODE="true",
                                     PROXY_OPENAI_TARGET=self.raw.url)

    def test_no_token_reaches_the_upstream_from_any_place(self):
        for place, (path, fields) in self.PLACES.items():
            with self.subTest(place):
                self.assertEqual(self.ask(self.under_test, path, fields=fields).status, 200)
        received = b"".join(c.received for c in self.raw.connections)
        self.assertNotIn(TOKEN.encode(), received)
        self.assertNotIn(b"x-culvert", received.lower())
        self.assertIn(b"GET /v1/models?a=1&b=2 HTTP/1.1", received)
        self.assertEqual(received.count(KEY_A.encode()), len(self.PLACES) - 1)
        self.assertEqual(received.count(KEY_B.encode()), 1)

    def test_a_token_in_the_generic_proxys_headers_goes_nowhere(self):
        raw = self.upstream(always(OK))
        relay = self.relay(AUTH_TOKEN=TOKEN, CULVERT_GENERIC_ALLOW="127.0.0.1/32")
        got = self.ask(relay, f"/{TOKEN}/http/{raw.address}/a?x=1&key={TOKEN}", fields=(
            f"Authorization: Bearer {TOKEN}\r\nX-Own: {TOKEN}\r\nX-Fine: yes\r\n"))
        self.assertEqual(got.status, 200)
        self.assertNotIn(TOKEN.encode(), raw.connections[0].received)
        self.assertIn(b"GET /a?x=1 HTTP/1.1", raw.connections[0].received)
        self.assertEqual(fields_of(raw.connections[0].received)["x-fine"], "yes")

    def test_fault_19_nothing_secret_in_logs_metrics_errors_and_pages(self):
        texts = []
        for path, fields in self.PLACES.values():
            texts.append(self.ask(self.under_test, path, fields=fields))
            texts.append(self.ask(self.under_test, path.replace("openai", "none"), fields=fields))
            texts.append(self.ask(self.under_test, path.replace("/v1", "/%zz"), fields=fields))
        for path in ("/", f"/{TOKEN}/", "/healthz", f"/?key={KEY_B}"):
            texts.append(self.ask(self.under_test, path))
            texts.append(self.ask(self.under_test, path, fields="Accept: text/html\r\n"))
        self.under_test.wait_for_log(count=len(texts))
        said = [one.head + one.body for one in texts]
        said += [self.under_test.admin_get(path)[1].encode() for path in ("/metrics", "/healthz")]
        said += ["\n".join(self.under_test.stdout_text + self.under_test.stderr_text).encode()]
        for text in said:
            for secret in (TOKEN, KEY_A, KEY_B, "a=1", "b=2"):
                self.assertNotIn(secret.encode(), text)

    def test_keys_are_shown_masked(self):
        self.ask(self.under_test, "/openai/v1/models", fields=f"X-Culvert-Token: {TOKEN}\r\n")
        self.ask(self.under_test, "/openai/v1/models",
                 fields=f"Authorization: Bearer short-key\r\nX-Culvert-Token: {TOKEN}\r\n")
        lines = self.under_test.wait_for_log(count=2)
        self.assertEqual({line["key"] for line in lines}, {f"{KEY_A[:4]}…{KEY_A[-4:]}", "…"})
        labels = {found["key"] for found, _ in self.under_test.metrics().all("culvert_keys")}
        self.assertEqual(labels, {f"{KEY_A[:4]}…{KEY_A[-4:]}"})
        self.assertNotIn("client", lines[0], "the client's address is logged only where asked for")

    def test_the_own_key_in_the_query_goes_up_as_it_came(self):
        raw = self.upstream(always(OK))
        relay = self.relay(AUTH_TOKEN=TOKEN, PROXY_GEMINI_TARGET=raw.url)
        self.ask(relay, f"/gemini/v1beta/models?x=%20&key={KEY_B}&alt=sse")
        self.assertIn(f"GET /v1beta/models?x=%20&key={KEY_B}&alt=sse HTTP/1.1".encode(),
                      raw.connections[0].received)
        line = relay.wait_for_log()[0]
        self.assertNotIn("?", line["path"])
        self.assertNotIn(KEY_B, json.dumps(line))


if __name__ == "__main__":
    unittest.main()
