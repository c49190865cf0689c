# Tokens and keys: from no place of a request does a relay token reach an upstream, and neither
# tokens nor keys stand in a log, a metric, an error or a page but masked.
import json
import unittest

from tests.integration.http.support import KEY_A, KEY_B, OK, TOKEN, HttpCase, always, fields_of


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
