# The relay's own pages, for people and programs, and what browsers ask before they ask.
import json
import unittest

from tests.integration.http.support import OK, TOKEN, HttpCase, WithUpstream, always


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
    PREFLIGHT = ("Access-Control-Request-Method: POST\r\n"
                 "Access-Control-Request-Headers: x-api-key\r\n")

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
