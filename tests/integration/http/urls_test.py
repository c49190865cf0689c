# Every URL form of the surface and every place of a token, seen at the upstream byte for byte; what
# could change the host or the path is refused; the relay's own pages.
import json
import unittest

from tests.fakes.raw_client import exchange
from tests.fakes.relay import Relay, run_once
from tests.integration.http.support import (KEY_A, KEY_B, OK, TOKEN, HttpCase, always, fields_of,
                                            request)

WRONG = "wrong-token-0123456789abcdef"


class WithUpstream(HttpCase):
    """One relay for a whole class: `at()` gives what the upstream got of one request."""

    @classmethod
    def setUpClass(cls):
        from tests.fakes.raw_upstream import RawUpstream
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


class Presets(WithUpstream):
    def test_every_form_of_a_preset(self):
        for path in ("/raw/v1/chat?x=1", f"/{TOKEN}/raw/v1/chat?x=1", "/api/raw/v1/chat?x=1",
                     "/gateway/raw/v1/chat?x=1", f"/{TOKEN}/api/raw/v1/chat?x=1",
                     "/RAW/v1/chat?x=1"):
            with self.subTest(path):
                self.assertEqual(self.at(path), "/v1/chat?x=1")
        self.assertEqual(self.at("/my_own/a"), "/a")

    def test_path_and_query_arrive_byte_for_byte(self):
        for rest in ("/", "/a/", "/a//b", "//evil.test/a", "/a%2Fb%2f%20", "/a?b?c=/d&&e=%00&=",
                     "/a?", "/@evil.test/", "/a;b=c,d", "/v1/x:y(z)'!*", "/https://evil.test/",
                     "/a?u=http://b.test/../c", "/~a/$&+=[]{}|^`"):
            with self.subTest(rest):
                self.assertEqual(self.at("/raw" + rest), rest)
                self.assertEqual(self.head["host"], self.raw.address)

    def test_an_alias_alone_is_the_root(self):
        self.assertEqual(self.at("/raw"), "/")
        self.assertEqual(self.at("/raw?a=b"), "/?a=b")

    def test_the_base_path_is_kept(self):
        self.assertEqual(self.at("/based/chat?x=/"), "/base/v9/chat?x=/")
        self.assertEqual(self.at("/based//chat"), "/base/v9//chat")

    def test_fault_11_the_host_has_its_port(self):
        self.at("/raw/a", "X-Forwarded-Host: evil.test\r\n")
        self.assertEqual(self.head["host"], self.raw.address)

    def test_geminis_own_form_at_the_root(self):
        for path in ("/v1beta/models/gemini-3:streamGenerateContent?alt=sse", "/v1beta/files",
                     "/v1/models/gemini-3:generateContent"):
            with self.subTest(path):
                self.assertEqual(self.at(path), path)
                self.assertEqual(self.shared.wait_for_log(
                    lambda line: line.get("path") == path.split("?")[0])[0]["mode"], "gemini")

    def test_absolute_form_names_this_relay(self):
        answer = exchange(self.shared.http,
                          b"GET http://relay.test/raw/a HTTP/1.1\r\nHost: relay.test\r\n\r\n")
        self.assertEqual(answer.status, 200)

    def test_what_could_change_the_host_or_the_path_is_400(self):
        for path in (b"/raw/\\evil.test/", b"/raw\\@evil.test/", b"/raw/../etc", b"/raw/a/..",
                     b"/raw/./a", b"/raw/%2e%2e/a", b"/raw/.%2E/a", b"/raw/a%2f..%2fb",
                     b"/raw/%2E/a", b"/raw/caf\xc3\xa9", b"/raw/a?b=\xff", b"/raw/%zz", b"/raw/%2",
                     b"/raw/a%5c..%5cb"):
            with self.subTest(path):
                self.refused(path, 400)

    def test_what_is_no_alias_is_404(self):
        for path in ("/nothing/a", "//evil.test/a", "/rawx/a", "/raw%2Fa", "/@evil.test/a",
                     "/api/nothing/a", "/https/example.com/a", "/http://example.com/a"):
            with self.subTest(path):
                self.refused(path, 404, stage="route")

    def test_fault_15_there_is_no_test_relay(self):
        self.refused("/test", 404)


class Authentication(WithUpstream):
    @classmethod
    def environment(cls):
        return super().environment() | {"OPENAI_API_KEYS": KEY_A, "ANTHROPIC_API_KEYS": KEY_A,
                                        "GEMINI_API_KEYS": KEY_A, "RAW_API_KEYS": KEY_A}

    KEY_FIELD = {"openai": "authorization", "anthropic": "x-api-key", "gemini": "x-goog-api-key"}

    def test_every_place_of_a_token_in_every_dialect(self):
        places = (f"Proxy-Authorization: Bearer {TOKEN}", f"X-Culvert-Token: {TOKEN}",
                  f"Authorization: Bearer {TOKEN}", f"authorization: BEARER {TOKEN}",
                  f"x-api-key: {TOKEN}", f"x-goog-api-key: {TOKEN}")
        for alias, field in self.KEY_FIELD.items():
            for place in places:
                with self.subTest(alias, place=place):
                    self.assertEqual(self.at(f"/{alias}/a", place + "\r\n"), "/a")
                    self.assertEqual(self.head[field].removeprefix("Bearer "), KEY_A)
            with self.subTest(alias, place="query"):
                self.assertEqual(self.at(f"/{alias}/a?b=c&key={TOKEN}"), "/a?b=c")
                self.assertEqual(self.head[field].removeprefix("Bearer "), KEY_A)
            with self.subTest(alias, place="path"):
                self.assertEqual(self.at(f"/{TOKEN}/{alias}/a"), "/a")

    def test_the_callers_own_key_goes_up_as_it_came(self):
        token = f"X-Culvert-Token: {TOKEN}\r\n"
        self.at("/anthropic/a", token + f"Authorization: Bearer {KEY_B}\r\n")
        self.assertEqual(self.head["authorization"], f"Bearer {KEY_B}")
        self.assertNotIn("x-api-key", self.head)
        self.at("/anthropic/a", token + f"x-api-key: {KEY_B}\r\n")
        self.assertEqual(self.head["x-api-key"], KEY_B)
        self.assertEqual(self.at(f"/gemini/a?key={KEY_B}", token), f"/a?key={KEY_B}")
        self.at("/raw/a", token + "Authorization: Basic YTpi\r\n")
        self.assertEqual(self.head["authorization"], "Basic YTpi")

    def test_without_a_token_it_is_401(self):
        answer, body = self.refused("/openai/a", 401, stage="auth")
        self.assertIn("www-authenticate", {name.lower() for name, _ in answer.headers})
        self.assertIn("error", body)

    def test_a_wrong_token_is_401(self):
        for fields in (f"X-Culvert-Token: {WRONG}\r\n", f"Proxy-Authorization: Bearer {WRONG}\r\n",
                       f"Authorization: Bearer {WRONG}\r\n", f"X-Culvert-Token: {TOKEN}x\r\n"):
            with self.subTest(fields):
                answer, _ = self.refused("/openai/a", 401, fields, "auth")
                self.assertNotIn(WRONG.encode(), answer.body)

    def test_a_wrong_path_token_is_an_unknown_alias(self):
        """Neither can be probed: but for id and time the answers are the same."""
        def shape(path):
            answer, body = self.refused(path, 404, stage="route")
            return ([name for name, _ in answer.headers],
                    {k: v for k, v in body["error"].items() if k not in ("timestamp", "request_id")})
        self.assertEqual(shape(f"/{WRONG}/openai/a"), shape("/no-such-alias-at-all-here/openai/a"))

    def test_connect_is_refused_with_its_own_status(self):
        answer = exchange(self.shared.http, b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n"
                                            b"\r\n", method="GET")
        self.assertIn(answer.status, (407, 501))


class Starts(unittest.TestCase):
    def test_fault_13_a_weak_token_stops_the_start(self):
        for token in ("", "short", "123456789012345", "your-auth-token-here", "changeme"):
            with self.subTest(token):
                done = run_once("--check", env={"AUTH_TOKEN": token, "OPENAI_API_KEYS": KEY_A})
                self.assertEqual(done.returncode, 2, done)
                self.assertIn("AUTH_TOKEN", done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1)


class Generic(HttpCase):
    def at(self, allow: str | None, path: str, status: int = 200):
        raw = self.upstream(always(OK))
        relay = self.relay(AUTH_TOKEN=TOKEN, CULVERT_GENERIC_ALLOW=allow)
        port = str(raw.port)
        answer = self.ask(relay, f"/{TOKEN}" + path.replace("PORT", port))
        self.assertEqual(answer.status, status, answer.body)
        if status != 200:
            self.assertEqual(raw.connections, [], "a connection was made")
            return self.assert_own_error(answer, status, "route")
        return raw.connections[0].received

    def test_both_spellings(self):
        for form in ("/http/127.0.0.1:PORT", "/http://127.0.0.1:PORT", "/HTTP/127.0.0.1:PORT"):
            with self.subTest(form):
                received = self.at("127.0.0.1/32", form + "/a//b?c=%20")
                self.assertTrue(received.startswith(b"GET /a//b?c=%20 HTTP/1.1\r\nHost: 127.0.0.1:"))

    def test_fault_14_inner_addresses_are_403(self):
        for host in ("127.0.0.1:PORT", "localhost:PORT", "[::1]:PORT", "[::ffff:127.0.0.1]:PORT",
                     "0.0.0.0:PORT", "169.254.169.254", "10.0.0.1", "192.168.1.1", "[fe80::1]",
                     "[fd00::1]", "100.100.100.200"):
            with self.subTest(host):
                self.at(None, f"/http/{host}/", 403)

    def test_a_host_pattern_opens_the_name_and_not_its_address(self):
        self.at("localhost", "/http/localhost:PORT/")
        self.at("localhost", "/http/127.0.0.1:PORT/", 403)

    def test_a_network_opens_no_other(self):
        self.at("10.0.0.0/8", "/http/127.0.0.1:PORT/", 403)

    def test_numbers_that_only_resolvers_take_for_addresses_are_400(self):
        for host in ("2130706433:PORT", "0x7f.1:PORT", "0177.0.0.1:PORT", "127.1:PORT",
                     "a@127.0.0.1:PORT", "127.0.0.1:0", "127.0.0.1:99999", "", "a..b", "[::1"):
            with self.subTest(host):
                self.at(None, f"/http/{host}/", 400)

    def test_without_a_token_there_is_no_generic_proxy(self):
        raw = self.upstream(always(OK))
        relay = self.relay(CULVERT_GENERIC_ALLOW="127.0.0.1/32", AUTH_TOKEN=TOKEN)
        for path in (f"/http/{raw.address}/", f"/{WRONG}/http/{raw.address}/"):
            self.assert_own_error(self.ask(relay, path), 404)
        self.assertEqual(raw.connections, [])


class Pages(WithUpstream):
    def test_health(self):
        for path, body in (("/healthz", b"ok\n"), ("/readyz", b"ready\n")):
            self.assertEqual(self.ask(self.shared, path).body, body)
            answer = self.ask(self.shared, path, "HEAD")
            self.assertEqual((answer.status, answer.body), (200, b""))
            self.assertEqual(self.shared.admin_get(path)[0], 200)
            self.assertEqual(self.ask(self.shared, path, "POST").status, 405)

    def test_well_known(self):
        answer = self.ask(self.shared, "/.well-known/culvert")
        self.assertEqual(answer.get("content-type"), "application/json")
        told = json.loads(answer.body)
        self.assertEqual(set(told), {"region", "version", "siblings"})

    def test_the_status_page_for_programs(self):
        answer = self.ask(self.shared, "/", fields="Accept: */*\r\n")
        self.assertEqual(answer.get("content-type"), "application/json")
        self.assertIn("anthropic", json.dumps(json.loads(answer.body)))
        self.assertNotIn(TOKEN.encode(), answer.body)

    def test_the_status_page_for_people(self):
        answer = self.ask(self.shared, "/", fields="Accept: text/html,*/*;q=0.8\r\n")
        self.assertEqual(answer.get("content-type"), "text/html; charset=utf-8")
        page = answer.body.decode().lower()
        self.assertIn("<!doctype html>", page)
        self.assertIn("prefers-color-scheme", page)
        for foreign in ("src=", "@import", "<script", "<link"):
            self.assertNotIn(foreign, page, "the page needs nothing from elsewhere")

    def test_metrics_are_not_for_clients(self):
        self.assertEqual(self.ask(self.shared, "/metrics").status, 404)


class CrossOrigin(HttpCase):
    CONFIG = ("kind: Relay\nname: r\nspec:\n  cors: {origins: ['https://app.test'], "
              "max_age: 600s}\n")
    PREFLIGHT = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-api-key\r\n"

    def test_fault_18_preflights_are_answered_here_in_every_dialect(self):
        raw = self.upstream(always(OK))
        relay = self.relay(self.CONFIG, raw, PROXY_ANTHROPIC_TARGET=raw.url)
        for path in ("/raw/a", "/anthropic/v1/messages"):
            answer = self.ask(relay, path, "OPTIONS", "Origin: https://app.test\r\n"
                              + self.PREFLIGHT)
            self.assertEqual(answer.status, 204)
            self.assertEqual(answer.get("access-control-allow-origin"), "https://app.test")
            self.assertIn("POST", answer.get("access-control-allow-methods"))
            self.assertIn("x-api-key", answer.get("access-control-allow-headers").lower())
            self.assertEqual(answer.get("access-control-max-age"), "600")
        self.assertEqual(raw.connections, [])
        for path in ("/raw/a", "/none/a"):  # answers and errors alike
            answer = self.ask(relay, path, fields="Origin: https://app.test\r\n")
            self.assertEqual(answer.get("access-control-allow-origin"), "https://app.test")

    def test_other_origins_get_nothing(self):
        relay = self.relay(self.CONFIG, self.upstream(always(OK)))
        for method, fields in (("OPTIONS", self.PREFLIGHT), ("GET", "")):
            answer = self.ask(relay, "/raw/a", method, "Origin: https://evil.test\r\n" + fields)
            self.assertEqual(answer.all("access-control-allow-origin"), [])

    def test_without_configuration_there_is_no_cors(self):
        relay = self.relay(upstream=self.upstream(always(OK)))
        answer = self.ask(relay, "/raw/a", fields="Origin: https://app.test\r\n")
        self.assertEqual([n for n, _ in answer.headers if "access-control" in n.lower()], [])


if __name__ == "__main__":
    unittest.main()
