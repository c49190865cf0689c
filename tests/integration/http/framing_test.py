# Every way in which an upstream can frame an answer, as the client of the real relay gets it: whole
# where it was whole, and never whole where it was not. The upstream is raw, because no server would
# send most of these. Requests and their bodies are in uploads_test.py, a real server in
# nginx_test.py.
import gzip
import unittest

from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.tls_socket import RESET
from tests.integration.http.support import OK, HttpCase, always, answering, request

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class WholeAnswers(HttpCase):
    """Each answer is read on a connection that then carries a second request: what is left over of
    an answer that was read wrongly would show there."""

    def through(self, answer: bytes, end: str = "read", method: str = "GET", tls: bool = False):
        script = answering(answer, end=end) if end != "read" else always(answer)
        upstream = self.upstream(script, tls=tls)
        relay = self.relay(upstream=upstream)
        client = self.client(relay)
        got = client.send(request("/raw/a", method)).read_response(method)
        self.assertTrue(got.complete, got)
        again = client.send(request("/healthz")).read_response()
        self.assertEqual((again.status, again.body), (200, b"ok\n"))
        self.requests = sum(c.received.count(b" HTTP/1.1\r\n") for c in upstream.connections)
        return got

    def test_content_length(self):
        got = self.through(HEAD + b"Content-Length: 5\r\n\r\nhello")
        self.assertEqual((got.framing, got.body), ("length", b"hello"))

    def test_content_length_of_zero(self):
        got = self.through(HEAD + b"Content-Length: 0\r\n\r\n")
        self.assertEqual((got.framing, got.body), ("length", b""))

    def test_chunked(self):
        got = self.through(CHUNKED + b"5\r\nhello\r\n6;why=x\r\n world\r\n0\r\n\r\n")
        self.assertEqual((got.framing, got.body), ("chunked", b"hello world"))
        self.assertNotIn(b"why", got.head)

    def test_chunked_without_a_byte(self):
        got = self.through(CHUNKED + b"0\r\n\r\n")
        self.assertEqual((got.framing, got.body), ("chunked", b""))

    def test_trailers_are_dropped(self):
        got = self.through(CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n")
        self.assertEqual((got.body, got.trailers), (b"ok", []))

    def test_fault_02_a_close_delimited_answer_is_not_empty(self):
        got = self.through(HEAD + b"Content-Type: text/plain\r\n\r\nuntil the end", end="fin")
        self.assertEqual((got.framing, got.body), ("chunked", b"until the end"))

    def test_close_delimited_over_tls_with_close_notify(self):
        got = self.through(HEAD + b"\r\nuntil the end", end="close_notify", tls=True)
        self.assertEqual(got.body, b"until the end")

    def test_http_1_0_upstream_with_a_length(self):
        got = self.through(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", end="fin")
        self.assertEqual((got.version, got.body), ("HTTP/1.1", b"ok"))

    def test_http_1_0_upstream_until_close(self):
        got = self.through(b"HTTP/1.0 200 OK\r\n\r\nold", end="fin")
        self.assertEqual((got.framing, got.body), ("chunked", b"old"))

    def test_fault_04_answers_without_a_body_or_a_reason_are_sent_once(self):
        cases = {
            "204": b"HTTP/1.1 204 No Content\r\n\r\n",
            "204 with a length": b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            "204 with a wrong length": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
            "304": b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
            "304 with a length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n",
            "no reason": b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
            "no reason and no space": b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        }
        for name, answer in cases.items():
            with self.subTest(name):
                got = self.through(answer)
                self.assertEqual(got.status, int(answer.split(b" ")[1][:3]))
                self.assertEqual(self.requests, 1)
                if got.status == 204:
                    self.assertEqual(got.all("content-length"), [])  # RFC 9110 §8.6
                self.assertEqual(got.all("transfer-encoding"), [])

    def test_interim_answers_pass_but_100_and_not_to_http_1_0(self):
        answer = (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n"
                  b"Connection: X-Hop\r\nX-Hop: a\r\n\r\nHTTP/1.1 102 \r\n\r\n" + OK)
        relay = self.relay(upstream=self.upstream(always(answer)))
        client = self.client(relay)
        client.send(request("/raw/a"))
        heads = [client.read_head() for _ in range(2)]
        self.assertEqual([(head.status, head.headers) for head in heads],
                         [(103, [("Link", "</a>")]), (102, [])])
        self.assertEqual(client.read_response().body, b"ok")
        self.assertEqual(exchange(relay.http, request("/raw/a", version="1.0")).status, 200)

    def test_a_length_beside_304_is_told_on(self):
        got = self.through(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n")
        self.assertEqual(got.get("content-length"), "77")

    def test_head(self):
        got = self.through(HEAD + b"Content-Length: 1234\r\n\r\n", method="HEAD")
        self.assertEqual((got.get("content-length"), got.body), ("1234", b""))

    def test_head_of_a_chunked_answer(self):
        got = self.through(CHUNKED, method="HEAD")
        self.assertEqual(got.all("content-length"), [])

    def test_compressed_bodies_are_untouched(self):
        packed = gzip.compress(b"a stream of words " * 999, mtime=0)
        got = self.through(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
                           % len(packed) + packed)
        self.assertEqual((got.get("content-encoding"), got.body), ("gzip", packed))

    def test_a_reason_and_fields_pass_as_they_are(self):
        got = self.through(b"HTTP/1.1 299 Very Fine\r\nX-Own: a:b \r\nContent-Length: 0\r\n\r\n")
        self.assertEqual((got.status, got.reason, got.get("x-own")), (299, "Very Fine", "a:b"))


class CutAnswers(HttpCase):
    """What broke off upstream never looks whole downstream, and is logged as truncated."""

    def cut(self, answer: bytes, end: str = "fin", tls: bool = False, version: str = "1.1"):
        relay = self.relay(upstream=self.upstream(answering(answer, end=end), tls=tls))
        got = exchange(relay.http, request("/raw/a", version=version))
        self.assert_cut(got)
        line = relay.wait_for_log(lambda entry: entry["outcome"] == "truncated")[0]
        self.assertEqual((line["status"], line["stage"]), (200, "body"))
        self.assertEqual(relay.metrics().sum("culvert_truncated_total", upstream="raw"), 1)
        return got

    def test_fault_03_a_short_or_broken_body_is_never_taken_for_whole(self):
        cases = {
            "short of its length": HEAD + b"Content-Length: 10\r\n\r\nhello",
            "no last chunk": CHUNKED + b"5\r\nhello\r\n",
            "end inside a chunk": CHUNKED + b"9\r\nhello",
            "end inside the chunk's size": CHUNKED + b"5\r\nhello\r\n1",
            "end inside the last chunk": CHUNKED + b"5\r\nhello\r\n0\r\n",
            "garbage for a size": CHUNKED + b"5\r\nhello\r\nzz\r\nrubbish\r\n0\r\n\r\n",
            "no line end after a chunk": CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
            "a size that overflows": CHUNKED + b"5\r\nhello\r\n1000000000000000a\r\n",
            "a bare line feed": CHUNKED + b"5\r\nhello\r\n0\n\n",
        }
        for name, answer in cases.items():
            with self.subTest(name):
                got = self.cut(answer)
                self.assertEqual(got.body, b"hello")

    def test_a_reset_in_the_middle(self):
        self.cut(CHUNKED + b"5\r\nhello\r\n", end="rst")

    def test_close_delimited_over_tls_without_close_notify(self):
        self.cut(HEAD + b"\r\nuntil the e", end="fin", tls=True)

    def test_a_reset_of_a_close_delimited_body(self):
        self.cut(HEAD + b"\r\nuntil the e", end="rst")

    def test_an_old_client_sees_a_reset(self):
        """HTTP/1.0 has no chunks: the connection's end is the body's, so only a reset tells."""
        got = self.cut(CHUNKED + b"5\r\nhello\r\n", version="1.0")
        self.assertEqual((got.framing, got.ended), ("close", RESET))

    def test_a_client_over_keep_alive_is_disconnected(self):
        relay = self.relay(upstream=self.upstream(answering(CHUNKED + b"1\r\na\r\n", end="fin")))
        with RawClient(relay.http) as client:
            self.assert_cut(client.send(request("/raw/a")).read_response())


class OldClients(HttpCase):
    def test_http_1_0_gets_no_chunks(self):
        relay = self.relay(upstream=self.upstream(always(CHUNKED + b"2\r\nok\r\n0\r\n\r\n")))
        got = exchange(relay.http, request("/raw/a", version="1.0"))
        self.assertEqual((got.framing, got.body, got.complete), ("close", b"ok", True))
        self.assertEqual(got.get("connection"), "close")

    def test_http_1_0_without_host(self):
        relay = self.relay(upstream=self.upstream(always(OK)))
        got = exchange(relay.http, b"GET /raw/a HTTP/1.0\r\n\r\n")
        self.assertEqual((got.status, got.body), (200, b"ok"))

    def test_http_1_0_keep_alive_where_asked_for(self):
        client = self.client(self.relay(upstream=self.upstream(always(OK))))
        for _ in range(2):
            client.send(request("/raw/a", version="1.0", fields="Connection: keep-alive\r\n"))
            got = client.read_response()
            self.assertEqual((got.body, got.get("connection")), (b"ok", "keep-alive"))


if __name__ == "__main__":
    unittest.main()
