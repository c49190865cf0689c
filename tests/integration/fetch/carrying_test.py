# The fetch strategy within a real relay: bodies of every framing up and down, streams event by
# event, back-pressure both ways and cancelling; over HTTP/2 (nginx before an upstream that the test
# commands) and over HTTP/1.1 (that upstream itself).
import hashlib
import shutil
import tempfile
import threading
import unittest

from tests.fakes import certs
from tests.fakes.http2_frames import CANCEL, DATA, NO_ERROR, RST_STREAM, Http2Frames
from tests.fakes.raw_client import RawClient
from tests.fakes.raw_upstream import RawUpstream
from tests.fakes.relay import Relay, sanitized
from tests.fakes.tls_socket import Ended
from tests.integration.fetch.relays import FetchCase
from tests.integration.fetch.support import Nginx, program
from tests.integration.http.support import memory, request

MIB = 1 << 20
FLAT = 16 * MIB  # what a process may grow by that holds a few hundred KiB per direction
EVENTS = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Carrying:
    """What holds over both versions; `before()` gives the URL at which the relay finds a script."""

    version = ""

    def start(self, script, **spec) -> Relay:
        self.upstream_side = RawUpstream(script, tls=self.tls())
        self.addCleanup(self.upstream_side.close, False)
        return self.by("fetch", self.before(self.upstream_side), **spec)

    def test_methods_and_bodies(self):
        seen = []

        def script(connection):
            while True:
                head, body = connection.recv_request()
                seen.append((head.split(b"\r\n")[0], body))
                connection.answer(body or b"nothing")
        relay = self.start(script)
        for method, body in (("GET", b""), ("POST", b"{}"), ("PUT", b"x" * 100_000),
                             ("DELETE", b""), ("POST", b""), ("PATCH", b"p")):
            with self.subTest(method=method, size=len(body)):
                answer = self.ask_raw(relay, "/a?b=%2f", method, body=body)
                self.assertEqual((200, body or b"nothing"), (answer.status, answer.body))
                self.assertEqual((f"{method} /a?b=%2f HTTP/1.1".encode(), body), seen[-1])
                self.assertEqual("fetch", self.logged(relay, answer)["strategy"])

    def test_a_chunked_body_up_piece_by_piece(self):
        came = threading.Semaphore(0)

        def script(connection):
            connection.recv_head()
            for size in (5, 6):
                connection.recv_until(b"\r\n")
                connection.recv_exactly(size + 2)
                came.release()
            connection.recv_until(b"0\r\n\r\n")
            connection.answer(b"all")
        relay = self.start(script)
        with RawClient(relay.http) as client:
            client.send("POST /raw/a HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in ("5\r\nhello\r\n", "6\r\n world\r\n"):
                client.send(piece)
                self.assertTrue(came.acquire(timeout=30), "held back")
            client.send("0\r\n\r\n")
            self.assertEqual(b"all", client.read_response().body)

    def test_events_come_one_at_a_time(self):
        read = threading.Semaphore(0)

        def script(connection):
            connection.recv_request()
            connection.send(EVENTS)
            for number in range(20):
                connection.send(f"{len(f'data: {number:03}') + 2:x}\r\ndata: {number:03}\n\n\r\n")
                if not read.acquire(timeout=30):
                    raise AssertionError("the event was held")
            connection.send("0\r\n\r\n")
            connection.recv_end()
        relay = self.start(script)
        with RawClient(relay.http) as client:
            client.send(request("/raw/a", "POST", body=b"{}"))
            self.assertEqual(200, client.read_head().status)
            for number in range(20):
                self.assertEqual(f"data: {number:03}\n\n".encode(), client.read_chunk())
                read.release()
            self.assertEqual(b"", client.read_chunk())

    def test_answers_without_a_body(self):
        def script(connection):
            while True:
                head = connection.recv_request()[0]
                status = head.split(b" ")[1][1:].decode()
                more = "Content-Length: 12345\r\n" if head.startswith(b"HEAD") else ""
                connection.send(f"HTTP/1.1 {status} X\r\nETag: \"t\"\r\n{more}\r\n")
        relay = self.start(script)
        for method, status in (("HEAD", 200), ("GET", 204), ("GET", 304), ("POST", 204)):
            with self.subTest(method=method, status=status):
                answer = self.ask_raw(relay, f"/{status}", method)
                self.assertEqual((status, b"", '"t"', True),
                                 (answer.status, answer.body, answer.get("etag"), answer.complete))
                if method == "HEAD":
                    self.assertEqual("12345", answer.get("content-length"))
                self.assertEqual("ok", self.logged(relay, answer)["outcome"])
        self.assertLessEqual(len(self.upstream_side.connections), 4)

    def test_a_client_that_leaves_cancels(self):
        ends = []

        def script(connection):
            connection.recv_request()
            connection.send(EVENTS + "5\r\ntoken\r\n")
            try:
                ends.append(connection.recv_end())
            except Ended as end:
                ends.append(end.how)
        relay = self.start(script)
        with RawClient(relay.http) as client:
            client.send(request("/raw/a", "POST", body=b"{}"))
            client.read_head()
            self.assertEqual(b"token", client.read_chunk())
        self.upstream_side.wait_finished(1)
        self.assertEqual(1, len(ends))
        relay.wait_for_log(lambda line: line["outcome"] == "aborted")
        self.assertEqual(1, len(self.upstream_side.connections))

    def test_a_client_that_leaves_before_the_answer_cancels(self):
        came = threading.Event()

        def script(connection):
            connection.recv_request()
            came.set()
            connection.recv_end()
        relay = self.start(script)
        with RawClient(relay.http) as client:
            client.send(request("/raw/a", "POST", body=b"{}"))
            self.assertTrue(came.wait(30))
        self.upstream_side.wait_finished(1)

    def test_a_large_body_up_in_flat_memory(self):
        piece, size = bytes(range(256)) * 256, 48 * MIB

        def script(connection):
            while True:
                head = connection.recv_head()
                left = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                digest = hashlib.sha256()
                while left:
                    data = connection.recv_some(min(left, 65536))
                    digest.update(data)
                    connection.received = b""
                    left -= len(data)
                connection.answer(digest.hexdigest())
        relay = self.start(script, more=(
            "kind: Relay\nname: r\nspec:\n  limits:\n    replay_bytes: 64KiB\n",))

        def send(size: int) -> None:
            digest = hashlib.sha256()
            with RawClient(relay.http) as client:
                client.send(f"POST /raw/a HTTP/1.1\r\nHost: r\r\nContent-Length: {size}\r\n\r\n")
                for _ in range(size // len(piece)):
                    client.send(piece)
                    digest.update(piece)
                self.assertEqual(digest.hexdigest(), client.read_response().body.decode())
        send(len(piece))
        before = memory(relay, "VmHWM")
        send(size)
        if not sanitized():
            self.assertLess(memory(relay, "VmHWM") - before, FLAT)

    def test_a_slow_reader_holds_the_upstream_back(self):
        """The client reads nothing of 128 MiB until the upstream was held back for a second."""
        piece, count = b"a" * 65536, 2048
        sent, stuck = [0], threading.Event()

        def script(connection):
            connection.recv_head()
            connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(piece) * count}\r\n\r\n")
            connection.socket.settimeout(1)
            for _ in range(count):
                rest = memoryview(connection.encrypted(piece))
                while rest:
                    try:
                        done = connection.socket.send(rest)
                    except TimeoutError:
                        stuck.set()
                        continue
                    rest = rest[done:]
                sent[0] += len(piece)
            connection.socket.settimeout(30)
            connection.recv_end()

        def with_records(connection):
            def encrypted(data: bytes) -> bytes:
                if self.tls() is None:
                    return data
                connection.link.tls.write(data)
                return connection.link._out.read()
            connection.encrypted = encrypted
            script(connection)
        relay = self.start(with_records)
        self.assertEqual(200, self.ask(relay, "/healthz").status)
        before = memory(relay, "VmHWM")
        with RawClient(relay.http) as client:
            client.send(request("/raw/a"))
            client.read_head()
            self.assertTrue(stuck.wait(60), "the upstream was never held back")
            self.assertLess(sent[0], 64 * MIB)
            left = len(piece) * count
            while left:
                left -= len(client.read_some(min(left, MIB)))
                client.received = b""
        if not sanitized():
            self.assertLess(memory(relay, "VmHWM") - before, FLAT)
        relay.wait_for_log(lambda l: l["outcome"] == "ok" and l.get("upstream") == "raw")

    def test_a_slow_upstream_holds_the_client_back(self):
        """The upstream reads nothing of 128 MiB until the client was held back for a second."""
        piece, count = b"u" * 65536, 2048
        may_read = threading.Event()

        def script(connection):
            head = connection.recv_head()
            assert b"content-length" in head.lower()
            may_read.wait(60)
            left = len(piece) * count
            while left:
                left -= len(connection.recv_some(min(left, MIB)))
                connection.received = b""
            connection.answer(b"all")
        relay = self.start(script, more=(
            "kind: Relay\nname: r\nspec:\n  limits:\n    replay_bytes: 64KiB\n",))
        self.assertEqual(200, self.ask(relay, "/healthz").status)
        before = memory(relay, "VmHWM")
        with RawClient(relay.http) as client:
            client.send(f"POST /raw/a HTTP/1.1\r\nHost: r\r\nContent-Length: {len(piece) * count}"
                        "\r\n\r\n")
            client.socket.settimeout(1)
            sent = 0
            for _ in range(count):
                rest = memoryview(piece)
                while rest:
                    try:
                        done = client.socket.send(rest)
                    except TimeoutError:
                        self.assertFalse(may_read.is_set(), "held back for good")
                        self.assertLess(sent, 64 * MIB)
                        may_read.set()
                        client.socket.settimeout(60)
                        continue
                    rest = rest[done:]
                    sent += done
            self.assertTrue(may_read.is_set(), "the client was never held back")
            self.assertEqual(b"all", client.read_response().body)
        if not sanitized():
            self.assertLess(memory(relay, "VmHWM") - before, FLAT)


class OverHttp1(Carrying, FetchCase):
    def tls(self):
        return certs.server().server_context()

    def before(self, upstream: RawUpstream) -> str:
        return upstream.url


@unittest.skipUnless(program("nginx"), "nginx is not installed")
class OverHttp2(Carrying, FetchCase):
    def tls(self):
        return None

    def before(self, upstream: RawUpstream) -> str:
        folder = tempfile.mkdtemp(prefix="culvert-nginx-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.nginx = Nginx(self, folder, upstream.port)
        return f"https://localhost:{self.nginx.port}"

    def test_it_is_http2_and_its_connections_are_used_again(self):
        relay = self.start(lambda connection: (connection.recv_request(), connection.answer()))
        answers = [self.ask_raw(relay) for _ in range(5)]
        self.assertEqual({200}, {answer.status for answer in answers})
        self.assertTrue(self.nginx.seen(1)[0].startswith("HTTP/2.0|GET|/a|localhost|"))
        self.assertEqual([False, True, True, True, True],
                         [line["reused"] for line in relay.wait_for_log(count=5)])


class Frames(FetchCase):
    """What only frames show, and what nginx does not pass on."""

    def test_a_client_that_leaves_closes_at_once(self):
        ends = []

        def script(connection):
            frames = Http2Frames(connection)
            stream, _ = frames.recv_request()
            frames.head(stream)
            frames.data(stream, b"token")
            ends.append(frames.recv_end())
            ends.append([f[3][-4:] for f in frames.seen if f[0] == RST_STREAM])
        raw = self.h2_upstream(script)
        relay = self.by("fetch", raw.url)
        with RawClient(relay.http) as client:
            client.send(request("/raw/a", "POST", body=b"{}"))
            client.read_head()
            self.assertEqual(b"token", client.read_chunk())
        raw.wait_finished(1)
        self.assertEqual(2, len(ends))
        for code in ends[1]:
            self.assertIn(int.from_bytes(code, "big"), (CANCEL, NO_ERROR))

    def test_trailers_and_early_answers(self):
        def script(connection):
            frames = Http2Frames(connection)
            while True:
                stream, _ = frames.recv_request()
                frames.head(stream, ("link", "</a>"), status=103)
                frames.head(stream, ("x-own", "1"))
                frames.data(stream, b"body")
                frames.trailers(stream, ("x-trailer", "t"), ("x-other", "u"))
        relay = self.by("fetch", self.h2_upstream(script).url)
        for _ in range(2):
            answer = self.ask_raw(relay)
            self.assertEqual((200, b"body", True), (answer.status, answer.body, answer.complete))
            self.assertEqual("1", answer.get("x-own"))
            self.assertNotIn(b"x-trailer", answer.head.lower())
            self.assertEqual("ok", self.logged(relay, answer)["outcome"])

    def test_an_answer_before_the_body_was_read(self):
        """The upstream answers in the middle of the upload and wants no more of it (RFC 9113
        §8.1)."""
        def script(connection):
            frames = Http2Frames(connection)
            stream = frames.recv_head()
            while frames.recv()[0] != DATA:
                pass
            frames.head(stream, ("content-length", "3"), status=413)
            frames.data(stream, b"big", end=True)
            frames.reset(stream, NO_ERROR)
            frames.recv_end()
        relay = self.by("fetch", self.h2_upstream(script).url)
        with RawClient(relay.http) as client:
            client.send(b"POST /raw/a HTTP/1.1\r\nHost: r\r\nContent-Length: 10000000\r\n\r\n")
            client.send(b"x" * 1000)
            answer = client.read_response()
            self.assertEqual((413, b"big"), (answer.status, answer.body))

    def test_a_window_that_opens_slowly(self):
        """Credit comes in small parts, each when the last was used up."""
        size, part = 200_000, 7_000

        def script(connection):
            frames = Http2Frames(connection)
            stream, body, credit = frames.recv_head(), b"", 65_535
            while len(body) < size:
                kind, _, of, payload = frames.recv()
                if kind != DATA or of != stream:
                    continue
                body += payload
                assert len(body) <= credit, f"{len(body)} bytes for a credit of {credit}"
                if len(body) == credit:
                    frames.credit(stream, part)
                    credit += part
            frames.answer(stream, hashlib.sha256(body).hexdigest().encode())
            frames.recv_end()
        relay = self.by("fetch", self.h2_upstream(script).url)
        body = bytes(range(250)) * (size // 250)
        answer = self.ask_raw(relay, method="POST", body=body)
        self.assertEqual(hashlib.sha256(body).hexdigest(), answer.body.decode())

    def test_pings_and_settings_in_the_middle(self):
        def script(connection):
            frames = Http2Frames(connection)
            stream, _ = frames.recv_request()
            frames.head(stream)
            for number in range(5):
                frames.send(6, 0, 0, b"%08d" % number)
                while frames.recv()[:2] != (6, 1):
                    pass
                frames.send(4, 0, 0, b"")
                frames.data(stream, b"%d" % number)
            frames.data(stream, b"", end=True)
            frames.recv_end()
        answer = self.ask_raw(self.by("fetch", self.h2_upstream(script).url))
        self.assertEqual((b"01234", True), (answer.body, answer.complete))


if __name__ == "__main__":
    unittest.main()
