# Bodies of a size that no relay may hold in memory, streams that last, clients that leave them, and
# what is done with a connection afterwards. The relay's memory is read from /proc.
import hashlib
import threading
import unittest

from tests.fakes.tls_socket import Ended
from tests.fakes.relay import sanitized
from tests.integration.http.support import OK, HttpCase, always, fields_of, memory, request

MIB = 1024 * 1024
LARGE = 50 * MIB
FLAT = 12 * MIB  # what a process may grow by that holds a few hundred KiB per direction


class Large(HttpCase):
    def setUp(self):
        if sanitized():
            self.skipTest("a sanitizer's own memory hides the relay's")

    def growth(self, relay, run) -> int:
        run(64 * 1024)  # what the first request costs once
        before = memory(relay, "VmHWM")
        run(LARGE)
        return memory(relay, "VmHWM") - before

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
