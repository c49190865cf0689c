# Answers of which two parsers could think differently: 502, never forwarded, and the connection is
# not used again. The section is that of RFC 9112.
import unittest

from tests.integration.http.support import OK, HttpCase, always, answering

CONFIG = """
kind: Upstream
name: raw
spec:
  targets: [{url: "%s"}]
  retry: {attempts: 2, backoff: 1ms}
"""


class AmbiguousAnswers(HttpCase):
    HEAD = b"HTTP/1.1 200 OK\r\n"
    ROWS = {
        "length and chunked, §6.3": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"
                                           b"\r\n2\r\nok\r\n0\r\n\r\n",
        "two lengths, §6.3": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        "two equal lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "a list of lengths": HEAD + b"Content-Length: 2, 2\r\n\r\nok",
        "a length that is none": HEAD + b"Content-Length: two\r\n\r\nok",
        "a length that overflows": HEAD + b"Content-Length: 99999999999999999999\r\n\r\nok",
        "gzip and chunked, §6.1": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n",
        "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "identity": HEAD + b"Transfer-Encoding: identity\r\nConnection: close\r\n\r\nok",
        "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a folded field, §5.2": HEAD + b"X-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok",
        "a space before the colon": HEAD + b"Content-Length : 2\r\n\r\nok",
        "a bare LF after the status": b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok",
        "a bare CR in a field": HEAD + b"X-A: b\rSet-Cookie: c\r\nContent-Length: 2\r\n\r\nok",
        "a NUL in a field": HEAD + b"X-A: b\x00\r\nContent-Length: 2\r\n\r\nok",
        "a version unknown": b"HTTP/3.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "no HTTP at all": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
        "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
        "protocols switched unasked": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                                      b"Connection: upgrade\r\n\r\n",
        "interim answers without end": b"HTTP/1.1 102 Processing\r\n\r\n" * 1000,
        "a head without end": HEAD + b"X-A: " + b"a" * 200_000,
        "fields without end": HEAD + b"X-A: b\r\n" * 5000,
    }
    BROKEN = {
        "an end inside the head": HEAD + b"Content-Length: 2\r\n",
        "nothing": b"",
    }

    def test_every_ambiguous_answer_is_502_and_not_forwarded(self):
        for name, answer in self.ROWS.items():
            with self.subTest(name):
                raw = self.upstream(answering(answer, end="fin"))
                got = self.ask(self.relay(upstream=raw), "/raw/a")
                self.assert_own_error(got, 502, "first_byte")
                self.assertEqual(got.all("set-cookie"), [])
                self.assertEqual(len(raw.connections), 1, "it was asked again")

    def test_an_answer_that_ends_inside_its_head_is_none(self):
        """What may be repeated is asked again, as often as the upstream is to be asked at most."""
        for name, answer in self.BROKEN.items():
            for method, most in (("GET", 2), ("POST", 1)):
                with self.subTest(name, method=method):
                    raw = self.upstream(answering(answer, end="fin"))
                    relay = self.relay(config=CONFIG % raw.url)
                    got = self.ask(relay, "/raw/a", method=method)
                    self.assert_own_error(got, 502, "first_byte")
                    self.assertEqual(len(raw.connections), most)

    def test_who_asks_not_to_be_asked_again_is_not(self):
        for again, asked in (("false", 1), ("true", 2)):
            with self.subTest(again):
                raw = self.upstream(always(
                    f"HTTP/1.1 500 No\r\nx-should-retry: {again}\r\nContent-Length: 2\r\n\r\nno"
                    .encode()))
                got = self.ask(self.relay(config=CONFIG % raw.url), "/raw/a", "POST", body=b"{}")
                self.assertEqual((got.status, got.body), (500, b"no"))
                requests = sum(c.received.count(b"POST /") for c in raw.connections)
                self.assertEqual(requests, asked)

    def test_what_follows_an_answer_is_never_the_next_one(self):
        """Bytes after an answer: the connection is not used again."""
        excess = OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        raw = self.upstream([answering(excess), always(OK)])
        relay = self.relay(upstream=raw, CULVERT_WORKERS="1")
        for _ in range(2):
            self.assertEqual(self.ask(relay, "/raw/a").body, b"ok")
        self.assertEqual(len(raw.connections), 2)


if __name__ == "__main__":
    unittest.main()
