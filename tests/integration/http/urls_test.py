# Every URL form of the surface, seen at the upstream byte for byte; what could change the host or
# the path is refused; where the generic proxy may go.
import unittest

from tests.fakes.raw_client import exchange
from tests.integration.http.support import (OK, TOKEN, WRONG_TOKEN, HttpCase, WithUpstream,
                                            always)


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
                self.assertTrue(received.startswith(b"GET /a//b?c=%20 HTTP/1.1\r\nHost: 127."))

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
        for path in (f"/http/{raw.address}/", f"/{WRONG_TOKEN}/http/{raw.address}/"):
            self.assert_own_error(self.ask(relay, path), 404)
        self.assertEqual(raw.connections, [])


if __name__ == "__main__":
    unittest.main()
