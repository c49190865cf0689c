# Every place of a relay token, beside the caller's own key and without it, in every dialect; what
# is said of a wrong one; tokens that stop a start.
import unittest

from tests.fakes.raw_client import exchange
from tests.fakes.relay import run_once
from tests.integration.http.support import KEY_A, KEY_B, TOKEN, WRONG_TOKEN, WithUpstream


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
        self.refused("/openai/a", 401, f"Authorization: Bearer {KEY_B}\r\n", "auth")

    def test_a_wrong_token_is_401(self):
        for field in (f"X-Culvert-Token: {WRONG_TOKEN}", f"X-Culvert-Token: {TOKEN}x",
                      f"Proxy-Authorization: Bearer {WRONG_TOKEN}"):
            with self.subTest(field):
                answer, _ = self.refused("/openai/a", 401, field + "\r\n", "auth")
                self.assertNotIn(WRONG_TOKEN.encode(), answer.body)

    def test_a_wrong_path_token_is_an_unknown_alias(self):
        """Neither can be probed: but for id and time the answers are the same."""
        def shape(path):
            answer, body = self.refused(path, 404, stage="route")
            return ([name for name, _ in answer.headers],
                    {name: value for name, value in body["error"].items()
                     if name not in ("timestamp", "request_id")})
        self.assertEqual(shape(f"/{WRONG_TOKEN}/openai/a"), shape("/no-such-alias/openai/a"))

    def test_connect_is_refused_with_its_own_status(self):
        answer = exchange(self.shared.http, b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n"
                                            b"\r\n", method="GET")
        self.assertEqual(answer.status, 407)
        self.assertEqual(answer.all("proxy-authenticate"),
                         ['Basic realm="culvert"', 'Bearer realm="culvert"'])


class Starts(unittest.TestCase):
    def test_fault_13_a_weak_token_stops_the_start(self):
        for token in ("", "short", "123456789012345", "your-auth-token-here", "changeme"):
            with self.subTest(token):
                done = run_once("--check", env={"AUTH_TOKEN": token, "OPENAI_API_KEYS": KEY_A})
                self.assertEqual(done.returncode, 2, done)
                self.assertIn("AUTH_TOKEN", done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
