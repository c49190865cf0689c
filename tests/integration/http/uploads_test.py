# Requests with bodies, as the upstream gets them: every framing, Expect, early answers, pipelining.
import unittest

from tests.fakes.raw_client import exchange
from tests.integration.http.support import OK, HttpCase, fields_of, request


class Uploads(HttpCase):
    def recorded(self):
        """A relay before an upstream that keeps (head, body) of every request."""
        self.seen = []

        def script(connection):
            while True:
                self.seen.append(connection.recv_request())
                connection.send(OK)
        return self.relay(upstream=self.upstream(script))

    def test_a_body_with_a_length(self):
        got = self.ask(self.recorded(), "/raw/a", "POST", body=b"hello")
        self.assertEqual(got.body, b"ok")
        head, body = self.seen[0]
        self.assertEqual((fields_of(head)["content-length"], body), ("5", b"hello"))

    def test_a_chunked_body_is_framed_anew(self):
        """Extensions and trailers stay here: what nobody checked is not passed on."""
        relay = self.recorded()
        got = exchange(relay.http, b"POST /raw/a HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked"
                       b"\r\nTrailer: X-Sum\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\n"
                       b"X-Sum: 1\r\n\r\n")
        self.assertEqual(got.body, b"ok")
        head, body = self.seen[0]
        fields = fields_of(head)
        self.assertEqual((fields["transfer-encoding"], body), ("chunked", b"hello!"))
        self.assertNotIn("content-length", fields)
        self.assertNotIn("trailer", fields)

    def test_a_post_without_a_body_says_so(self):
        self.ask(self.recorded(), "/raw/a", "POST")
        self.assertEqual(fields_of(self.seen[0][0])["content-length"], "0")

    def test_a_get_says_nothing_of_a_body(self):
        self.ask(self.recorded(), "/raw/a")
        fields = fields_of(self.seen[0][0])
        self.assertNotIn("content-length", fields)
        self.assertNotIn("transfer-encoding", fields)

    def test_expect_is_answered_here_and_not_sent_on(self):
        client = self.client(self.recorded())
        client.send("POST /raw/a HTTP/1.1\r\nHost: r\r\nExpect: 100-continue\r\n"
                    "Content-Length: 5\r\n\r\n")
        self.assertEqual(client.read_head().status, 100)
        got = client.send("hello").read_response()
        self.assertEqual((got.status, got.body, got.interim), (200, b"ok", []))
        head, body = self.seen[0]
        self.assertNotIn("expect", fields_of(head))
        self.assertEqual(body, b"hello")

    def test_expect_of_what_is_refused_gets_no_100(self):
        client = self.client(self.recorded())
        client.send("POST /nowhere/a HTTP/1.1\r\nHost: r\r\nExpect: 100-continue\r\n"
                    "Content-Length: 5\r\n\r\n")
        got = client.read_response()
        self.assertEqual((got.status, got.interim), (404, []))
        self.assertEqual(got.get("connection"), "close")

    def test_pipelined_requests_are_answered_in_order(self):
        def script(connection):
            while True:
                head, body = connection.recv_request()
                connection.answer(head.split(b" ")[1] + b" " + body)
        client = self.client(self.relay(upstream=self.upstream(script)))
        client.send(b"".join(request(f"/raw/{i}", "POST", body=b"x%d" % i) for i in range(20)))
        for i in range(20):
            self.assertEqual(client.read_response().body, b"/%d x%d" % (i, i))

    def test_a_body_that_arrives_in_single_bytes(self):
        client = self.client(self.recorded())
        for byte in request("/raw/a", "POST", body=b"hello"):
            client.send(bytes([byte]))
        self.assertEqual(client.read_response().body, b"ok")
        self.assertEqual(self.seen[0][1], b"hello")


class EarlyAnswers(HttpCase):
    def test_a_refusal_before_the_body_was_read_reaches_the_client(self):
        """The upstream says 413 after the head and closes: the client gets it, in the middle of its
        sending, and not the reset."""
        def script(connection):
            connection.recv_head()
            connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n"
                            "Connection: close\r\n\r\nbig")
            connection.fin()
            connection.recv_end()
        relay = self.relay(upstream=self.upstream(script))
        client = self.client(relay)
        client.send(b"POST /raw/a HTTP/1.1\r\nHost: r\r\nContent-Length: 10000000\r\n\r\n")
        client.send(b"x" * 1000)
        got = client.read_response()
        self.assertEqual((got.status, got.body), (413, b"big"))
        self.assertEqual(got.get("connection"), "close")
        self.assertEqual(got.all("x-proxy-error"), [])

    def test_the_connection_goes_on_where_little_was_left_of_the_body(self):
        def script(connection):
            while True:
                connection.recv_head()
                connection.answer("no", "401 Unauthorized")
                connection.recv_exactly(5)
        client = self.client(self.relay(upstream=self.upstream(script)))
        client.send(b"POST /raw/a HTTP/1.1\r\nHost: r\r\nContent-Length: 5\r\n\r\n")
        self.assertEqual(client.read_response().status, 401)
        client.send(b"hello" + request("/healthz"))
        self.assertEqual(client.read_response().body, b"ok\n")


if __name__ == "__main__":
    unittest.main()
