# Requests with bodies, as the upstream gets them: every framing, Expect, early answers, pipelining,
# and sizes that no relay may hold in memory. The relay's memory is read from /proc.
import hashlib
import pathlib
import threading
import unittest

from tests.fakes import relay as relay_module
from tests.fakes.raw_client import exchange
from tests.fakes.tls_socket import Ended
from tests.integration.http.support import OK, HttpCase, always, fields_of, request

MIB = 1024 * 1024
LARGE = 50 * MIB
FLAT = 12 * MIB  # what a process may grow by that holds a few hundred KiB per direction


def memory(pid: int) -> int:
    """The most bytes that the process ever had resident."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


def sanitized() -> bool:
    data = pathlib.Path(relay_module.binary()).read_bytes()
    return b"__asan_init" in data or b"__tsan_init" in data


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
                       b"\r\nTrailer: X-Sum\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n")
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


class Large(HttpCase):
    def setUp(self):
        if sanitized():
            self.skipTest("a sanitizer's own memory hides the relay's")

    def growth(self, relay, run) -> int:
        run(64 * 1024)  # what the first request costs once
        before = memory(relay.pid)
        run(LARGE)
        return memory(relay.pid) - before

    def test_fifty_mebibytes_up_in_flat_memory(self):
        """Bodies that may be sent again with another key are kept, up to a limit: here 64 KiB."""
        def script(connection):
            while True:
                fields = fields_of(connection.recv_head())
                left, digest = int(fields["content-length"]), hashlib.sha256()
                while left:
                    data = connection.recv_some(min(left, 65536))
                    digest.update(data)
                    connection.received = b""
                    left -= len(data)
                connection.answer(digest.hexdigest())
        relay = self.relay("kind: Relay\nname: r\nspec:\n  limits:\n    replay_bytes: 64KiB\n",
                           self.upstream(script))
        piece = bytes(range(256)) * 256

        def run(size):
            client = self.client(relay)
            client.send(f"POST /raw/a HTTP/1.1\r\nHost: r\r\nContent-Length: {size}\r\n\r\n")
            digest = hashlib.sha256()
            for _ in range(size // len(piece)):
                client.send(piece)
                digest.update(piece)
            self.assertEqual(client.read_response().body.decode(), digest.hexdigest())
        self.assertLess(self.growth(relay, run), FLAT)

    def test_fifty_mebibytes_down_in_flat_memory(self):
        piece = bytes(range(256)) * 256

        def script(connection):
            while True:
                size = int(connection.recv_head().split(b" ")[1].removeprefix(b"/"))
                connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
                for _ in range(size // len(piece)):
                    connection.send(piece)
        relay = self.relay(upstream=self.upstream(script))

        def run(size):
            client = self.client(relay)
            client.send(request(f"/raw/{size}"))
            self.assertEqual(client.read_head().get("content-length"), str(size))
            left = size
            while left:
                data = client.read_some(min(left, 65536))
                left -= len(data)
                client.received = b""
        self.assertLess(self.growth(relay, run), FLAT)


class Streams(HttpCase):
    CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    def test_fault_06_a_stream_may_last_longer_than_any_timer_of_its_beginning(self):
        """A second request, which begins later and gets no answer, tells that the timer has run."""
        may_go_on = threading.Event()

        def script(connection):
            head = connection.recv_head()
            if b"/mute" in head:
                connection.recv_end()
            connection.send(self.CHUNKED + "1\r\na\r\n")
            may_go_on.wait(30)
            connection.send("1\r\nb\r\n0\r\n\r\n")
            connection.recv_end()
        relay = self.relay(upstream=self.upstream(script), CULVERT_TIMEOUT_FIRST_BYTE="300ms",
                           CULVERT_TIMEOUT_CONNECT="300ms", CULVERT_TIMEOUT_REQUEST_HEAD="300ms")
        client = self.client(relay)
        client.send(request("/raw/stream"))
        self.assertEqual(client.read_head().status, 200)
        self.assertEqual(client.read_chunk(), b"a")
        self.assertEqual(self.ask(relay, "/raw/mute").status, 504)
        may_go_on.set()
        self.assertEqual((client.read_chunk(), client.read_chunk()), (b"b", b""))

    def test_fault_09_a_client_that_leaves_ends_the_upstream_exchange(self):
        ends = []

        def script(connection):
            connection.recv_head()
            connection.send(self.CHUNKED + "1\r\na\r\n")
            try:
                ends.append(connection.recv_end())
            except Ended as end:
                ends.append(end.how)
        raw = self.upstream(script)
        relay = self.relay(upstream=raw)
        client = self.client(relay)
        client.send(request("/raw/stream"))
        client.read_head()
        client.read_chunk()
        client.close()
        raw.wait_finished(1)
        self.assertEqual(len(ends), 1)
        relay.wait_for_log(lambda line: line["outcome"] == "aborted")
        self.assertEqual(len(raw.connections), 1)

    def test_fault_12_connections_are_used_again(self):
        raw = self.upstream(always(OK), tls=True)
        relay = self.relay(upstream=raw, CULVERT_WORKERS="1")
        client = self.client(relay)
        for _ in range(5):
            self.assertEqual(client.send(request("/raw/a")).read_response().body, b"ok")
        self.assertEqual(len(raw.connections), 1)
        lines = relay.wait_for_log(count=5)
        self.assertEqual([line["reused"] for line in lines], [False, True, True, True, True])
        self.assertEqual(relay.metrics().sum("culvert_upstream_connections_total", upstream="raw",
                                             kind="reused"), 4)


class NotTwice(HttpCase):
    def test_fault_05_a_post_that_was_sent_is_never_sent_again(self):
        """The upstream reads all and closes without an answer, on a fresh and on a pooled
        connection: nobody knows what it did, so it is 502 and no second try."""
        def script(connection):
            if connection.number == 0:
                connection.recv_request()
                connection.send(OK)
            connection.recv_request()
        raw = self.upstream(script)
        relay = self.relay(upstream=raw, CULVERT_WORKERS="1")
        self.assertEqual(self.ask(relay, "/raw/warm").status, 200)
        for _ in ("pooled", "fresh"):
            got = self.ask(relay, "/raw/pay", "POST", body=b"money")
            self.assert_own_error(got, 502, "first_byte")
        sent = b"".join(c.received for c in raw.connections)
        self.assertEqual(sent.count(b"POST /pay"), 2)


if __name__ == "__main__":
    unittest.main()
