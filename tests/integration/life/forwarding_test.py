# Forwarding as clients and upstreams see it: an event never waits for the next, a slow reader
# holds the sender back and costs no memory, and a client that leaves, at whatever moment, ends the
# exchange with the upstream. How fast a leaving arrives is printed, not asserted.
import hashlib
import json
import pathlib
import select
import socket
import threading
import time
import unittest

from tests.fakes import certs
from tests.fakes.models import Models
from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.raw_upstream import RawUpstream
from tests.fakes.relay import Relay, sanitized
from tests.fakes.tls_socket import Ended
from tests.integration.life import asking

HANG_GUARD_SECONDS = 60.0
MIB = 1 << 20
HELD = 0.5  # a socket that takes nothing for so long counts as held back


GROWTH = 16 if sanitized() else 1


def rss_kib(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def read_digest(client: RawClient, size: int, chunked: bool) -> tuple[int, bytes]:
    """Reads a body of `size` bytes to its end without keeping it: how many came, their digest."""
    digest, count = hashlib.sha256(), 0
    while True:
        client.received = b""
        data = client.read_chunk() if chunked else client.read_some() if count < size else b""
        if not data:
            return count, digest.digest()
        digest.update(data)
        count += len(data)


def send_until_held(raw: socket.socket, data: bytes, most: int) -> int:
    """Sends until the other side takes no more; how many bytes it took (`most` if all)."""
    sent, piece = 0, memoryview(data)
    while sent < most:
        if not select.select([], [raw], [], HELD)[1]:
            return sent
        start = sent % len(data)
        sent += raw.send(piece[start:start + min(len(data) - start, most - sent)],
                         socket.MSG_DONTWAIT)
    return sent


class Legs:
    """A relay between a client and an upstream, each leg with or without TLS."""

    def __init__(self, test, script, client_tls: bool, upstream_tls: bool, **env):
        server = certs.server()
        self.upstream = test.enterContext(
            RawUpstream(script, server.server_context() if upstream_tls else None))
        scheme = "https" if client_tls else "http"
        self.relay = Relay.for_test(test, {
            "PROXY_OPENAI_TARGET": self.upstream.url, "SSL_CERT_FILE": certs.authority().ca_file,
            "CULVERT_LISTEN": f"{scheme}://127.0.0.1:0", "CULVERT_TLS_CERT": server.cert,
            "CULVERT_TLS_KEY": server.key, **env})
        self.address = self.relay.addresses(scheme)[0]
        self.context = certs.authority().client_context() if client_tls else None

    def client(self) -> RawClient:
        return RawClient(self.address, self.context)


class Events(unittest.TestCase):
    EVENTS = 40

    def talk(self, framing: str, client_tls: bool, upstream_tls: bool) -> None:
        """The upstream sends an event only after the client has read the one before."""
        read = threading.Semaphore(0)
        events = [b"data: {\"choices\": [%d]}\n\n" % n for n in range(self.EVENTS)]
        events.append(b"data: [DONE]\n\n")
        size = sum(len(e) for e in events)

        def script(connection):
            connection.recv_request()
            line = {"chunked": "Transfer-Encoding: chunked\r\n", "close": "Connection: close\r\n",
                    "length": f"Content-Length: {size}\r\n"}[framing]
            connection.send(f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{line}\r\n")
            for event in events:
                connection.send(b"%x\r\n%s\r\n" % (len(event), event) if framing == "chunked"
                                else event)
                if not read.acquire(timeout=HANG_GUARD_SECONDS):
                    raise AssertionError("the client never read the event")
            if framing == "chunked":
                connection.send(b"0\r\n\r\n")
            elif framing == "close":
                connection.close_notify() if upstream_tls else connection.fin()
            connection.recv_end()

        legs = Legs(self, script, client_tls, upstream_tls)
        with legs.client() as client:
            client.send(asking.post())
            head = client.read_head()
            chunked = framing != "length"
            self.assertEqual(head.get("transfer-encoding") == "chunked", chunked)
            for event in events:
                got = client.read_chunk() if chunked else client.read_exactly(len(event))
                self.assertEqual(got, event)
                read.release()
            if chunked:
                self.assertEqual(client.read_chunk(), b"")
        line = legs.relay.wait_for_log()[0]
        self.assertEqual((line["outcome"], line["bytes_out"]), ("ok", size))

    def test_an_event_never_waits_for_the_next(self):
        for framing in ("chunked", "close", "length"):
            for client_tls in (False, True):
                for upstream_tls in (False, True):
                    with self.subTest(framing=framing, client=client_tls, upstream=upstream_tls):
                        self.talk(framing, client_tls, upstream_tls)

    def test_a_single_byte_passes_alone(self):
        """Not only events: whatever comes goes on, also half an event."""
        read = threading.Semaphore(0)
        body = b"data: {\"choices\": []}\n\ndata: [DONE]\n\n"

        def script(connection):
            connection.recv_request()
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                            f"Content-Length: {len(body)}\r\n\r\n")
            for n in range(len(body)):
                connection.send(body[n:n + 1])
                if not read.acquire(timeout=HANG_GUARD_SECONDS):
                    raise AssertionError("the client never read the byte")

        legs = Legs(self, script, False, False)
        with legs.client() as client:
            client.send(asking.post())
            client.read_head()
            for n in range(len(body)):
                self.assertEqual(client.read_exactly(1), body[n:n + 1])
                read.release()

    def test_uploads_pass_piece_by_piece(self):
        """A piece of a request's body is at the upstream before the client sends the next."""
        arrived = threading.Semaphore(0)

        def script(connection):
            connection.recv_head()
            for _ in range(20):
                connection.recv_exactly(1000)
                arrived.release()
            connection.answer("ok")
            connection.recv_end()

        legs = Legs(self, script, False, False)
        with legs.client() as client:
            whole = asking.post(body=b"x" * 20_000)
            cut = len(whole) - 20_000
            client.send(whole[:cut])
            for n in range(20):
                client.send(whole[cut + n * 1000:cut + (n + 1) * 1000])
                self.assertTrue(arrived.acquire(timeout=HANG_GUARD_SECONDS), f"piece {n}")
            self.assertEqual(client.read_response("POST").body, b"ok")


class BackPressure(unittest.TestCase):
    TOTAL = 48 * MIB
    PIECE = bytes(range(256)) * 256

    def download(self, client_tls: bool, upstream_tls: bool, framing: str) -> None:
        held, goes_on = threading.Event(), threading.Event()
        taken = []

        def script(connection):
            connection.recv_request()
            chunked = framing == "chunked"
            line = ("Transfer-Encoding: chunked" if chunked else f"Content-Length: {self.TOTAL}")
            connection.send(f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{line}\r\n\r\n")
            left = self.TOTAL
            piece = self.PIECE
            if not (upstream_tls or chunked):
                taken.append(send_until_held(connection.socket, piece, left))
                left -= taken[0]
                held.set()
                goes_on.wait(HANG_GUARD_SECONDS)
                piece = piece[taken[0] % len(piece):] + piece[:taken[0] % len(piece)]
            else:  # where framing or TLS wraps the bytes, a thread watches the sending instead
                threading.Thread(target=self.watch, args=(connection, held), daemon=True).start()
            while left:
                part = piece[:left]
                connection.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
                left -= len(part)
            if chunked:
                connection.send(b"0\r\n\r\n")
            connection.recv_end()

        legs = Legs(self, script, client_tls, upstream_tls)
        with legs.client() as warm_up:  # the first request pays for what stays
            warm_up.send(asking.get("/", key=None)).read_response()
        before = rss_kib(legs.relay.pid)
        with legs.client() as client:
            client.send(asking.post())
            self.assertTrue(held.wait(HANG_GUARD_SECONDS), "the upstream was never held back")
            while_held = rss_kib(legs.relay.pid)
            goes_on.set()
            client.read_head()
            count, digest = read_digest(client, self.TOTAL, framing == "chunked")
        after = rss_kib(legs.relay.pid)
        print(f"\n  {framing}, client {'TLS' if client_tls else 'TCP'}, upstream "
              f"{'TLS' if upstream_tls else 'TCP'}: of {self.TOTAL} bytes taken while nobody read: "
              f"{taken or 'held'}; RSS KiB {before} -> {while_held} -> {after}", flush=True)
        self.assertEqual(count, self.TOTAL)
        whole = hashlib.sha256(self.PIECE * (self.TOTAL // len(self.PIECE))).digest()
        self.assertEqual(digest, whole)
        for bytes_taken in taken:
            self.assertLess(bytes_taken, self.TOTAL // 2)
        self.assertLess(while_held - before, 8 * 1024 * GROWTH)
        self.assertLess(after - before, 16 * 1024 * GROWTH)

    def watch(self, connection, held: threading.Event) -> None:
        while select.select([], [connection.socket], [], HELD)[1]:
            time.sleep(0)  # the sender's turn
        held.set()

    def test_a_slow_reader_holds_the_upstream_back(self):
        for framing, client_tls, upstream_tls in (("length", False, False),
                                                  ("chunked", False, False),
                                                  ("length", True, True)):
            with self.subTest(framing=framing, client_tls=client_tls):
                self.download(client_tls, upstream_tls, framing)

    def test_many_slow_readers_cost_bounded_memory(self):
        """Each stream may hold what base/limits.h says and no more, whatever the upstream has."""
        streams = 24
        held = threading.Semaphore(0)
        goes_on = threading.Event()

        def script(connection):
            connection.recv_request()
            connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {8 * MIB}\r\n\r\n")
            sent = send_until_held(connection.socket, self.PIECE, 8 * MIB)
            held.release()
            goes_on.wait(HANG_GUARD_SECONDS)
            connection.send(b"x" * (8 * MIB - sent))
            connection.recv_end()

        legs = Legs(self, script, False, False)
        before = rss_kib(legs.relay.pid)
        clients = [self.enterContext(legs.client()) for _ in range(streams)]
        for client in clients:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            client.send(asking.post())
        for _ in clients:
            self.assertTrue(held.acquire(timeout=HANG_GUARD_SECONDS))
        while_held = rss_kib(legs.relay.pid)
        print(f"\n  {streams} stalled streams of 8 MiB: RSS KiB {before} -> {while_held}",
              flush=True)
        goes_on.set()
        for client in clients:
            client.read_head()
            self.assertEqual(read_digest(client, 8 * MIB, False)[0], 8 * MIB)
        self.assertLess(while_held - before, (streams * 1024 + 4 * 1024) * GROWTH)

    def test_a_slow_upstream_holds_the_upload_back(self):
        models = self.enterContext(Models())
        relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": models.url})
        exchange(relay.http, asking.post())
        before = rss_kib(relay.pid)
        models.behave(stall="request")
        head = asking.post(body=b"").replace(b"Content-Length: 0",
                                             b"Content-Length: %d" % self.TOTAL)
        with RawClient(relay.http) as client:
            client.send(head)
            models.wait(stalled_now=1)
            sent = send_until_held(client.socket, self.PIECE, self.TOTAL)
            while_held = rss_kib(relay.pid)
            models.release()
            for start in range(sent, self.TOTAL, len(self.PIECE)):
                at = start % len(self.PIECE)
                piece = self.PIECE[at:] + self.PIECE[:at]
                client.send(piece[:self.TOTAL - start])
            answer = client.read_response("POST")
        after = rss_kib(relay.pid)
        print(f"\n  upload of {self.TOTAL} bytes, {sent} taken while the upstream did not read; "
              f"RSS KiB {before} -> {while_held} -> {after}", flush=True)
        self.assertEqual(answer.ended, "complete")
        models.wait(ended=2)
        seen = models.requests()[1]
        self.assertEqual(seen["body_bytes"], self.TOTAL)
        whole = hashlib.sha256(self.PIECE * (self.TOTAL // len(self.PIECE))).hexdigest()
        self.assertEqual(seen["body_sha256"], whole)
        self.assertLess(sent, self.TOTAL)
        # A body is kept for a repetition up to 8 MiB.
        self.assertLess(after - before, 24 * 1024 * GROWTH)


class Leaving(unittest.TestCase):
    """`how`: what the client does. Half-closing is leaving: no SDK and no browser does it while it
    waits."""

    WAYS = {"fin": lambda c: c.finish_sending(), "rst": lambda c: c.reset(),
            "close": lambda c: c.close()}

    @classmethod
    def setUpClass(cls):
        cls.models = Models()
        cls.addClassCleanup(cls.models.close)

    def setUp(self):
        self.models.reset()
        server = certs.server()
        self.relay = Relay.for_test(self, {
            "PROXY_OPENAI_TARGET": self.models.url, "CULVERT_TLS_CERT": server.cert,
            "CULVERT_LISTEN": "http://127.0.0.1:0,https://127.0.0.1:0",
            "CULVERT_TLS_KEY": server.key})
        self.legs = [("TCP", self.relay.http, None),
                     ("TLS", self.relay.https, certs.authority().client_context())]
        self.count = 0

    def leave(self, what: str, rule: dict, until, request: bytes | None = None) -> None:
        """`until(client)` brings the exchange to its moment; then the client goes, in each way."""
        for leg, address, context in self.legs:
            for how, go in self.WAYS.items():
                with self.subTest(leg=leg, how=how):
                    self.models.reset()
                    if rule:
                        self.models.behave(**rule)
                    client = self.enterContext(RawClient(address, context))
                    client.send(request or asking.post())
                    until(client)
                    left_ns = time.monotonic_ns()
                    go(client)
                    self.models.wait(aborted=1)
                    client.close()
                    self.count += 1
                    self.judge(what, leg, how, left_ns)

    def judge(self, what: str, leg: str, how: str, left_ns: int) -> None:
        seen = self.models.requests(state="aborted")[0]
        after_ms = (seen["client_left_ns"] - left_ns) / 1e6
        print(f"\n  {what}, {leg}, {how}: the upstream sees the end after {after_ms:.2f} ms",
              end="", flush=True)
        line = self.relay.wait_for_log(lambda found: True, self.count)[-1]
        self.assertEqual(line["outcome"], "aborted", line)
        self.assertEqual(line["attempts"], 1)
        self.assertEqual(len(self.models.requests()), 1)  # not repeated
        metrics = self.relay.wait_for_metric(
            lambda m: m.sum("culvert_requests_total", outcome="aborted") == self.count)
        self.assertEqual(metrics.sum("culvert_active_requests"), 0)

    def test_before_the_first_byte(self):
        self.leave("before the first byte", {"stall": "head"},
                   lambda client: self.models.wait(stalled_now=1))

    def test_between_head_and_body(self):
        def until(client):
            client.read_head()
            self.models.wait(stalled_now=1)
        self.leave("before the body", {"stall": "body"}, until)

    def test_in_the_middle_of_a_stream(self):
        def until(client):
            client.read_head()
            for _ in range(3):
                client.read_chunk()
            self.models.wait(stalled_now=1)
        self.leave("in mid-stream", {"stall": {"event": 3}}, until)

    def test_while_its_reading_is_paused(self):
        """Back-pressure has stopped the reading from both sides; the leaving is noticed all the
        same."""
        def until(client):
            client.read_head()
            self.wait_until_held()
        self.leave("while held back", {"body_mib": 64}, until)

    def wait_until_held(self) -> None:
        """Until the model server could send no more for a while."""
        before = -1
        while (sent := self.models.requests()[0]["sent"]) != before:
            before = sent
            select.select([], [], [], HELD)
        self.assertLess(sent, 64 * MIB)

    def test_during_the_upload(self):
        request = asking.post(body=b"y" * 100_000)
        self.leave("during the upload", {}, lambda client: self.models.wait(started=1),
                   request[:-50_000])

    def test_while_the_upstream_does_not_read_the_upload(self):
        """A reset overtakes the bytes that nobody took; a FIN does not, so there the kernels have
        room for them."""
        head = asking.post(body=b"").replace(b"Content-Length: 0", b"Content-Length: 67108864")
        data = b"z" * 65536
        for leg, address, context in self.legs:
            for how, go in self.WAYS.items():
                with self.subTest(leg=leg, how=how):
                    self.models.reset()
                    self.models.behave(stall="request")
                    client = self.enterContext(RawClient(address, context))
                    client.send(head)
                    self.models.wait(stalled_now=1)
                    if how == "rst" and context is None:
                        sent = send_until_held(client.socket, data, 64 * MIB)
                        self.assertLess(sent, 64 * MIB)
                    else:
                        client.send(data * 8)
                    go(client)
                    self.count += 1
                    line = self.relay.wait_for_log(count=self.count)[-1]
                    self.assertEqual(line["outcome"], "aborted")
                    client.close()
                    self.models.release()  # a reader that stood still notices when it reads
                    self.models.wait(aborted=1)


class AfterTheEnd(unittest.TestCase):
    MARKS = {asking.CHAT: (b"data: {\"choices\": []}\n\n", b"data: [DONE]\n\n"),
             asking.RESPONSES: (b"event: response.created\ndata: {\"type\": \"response.created\"}"
                                b"\n\n", b"event: response.completed\ndata: {\"type\": "
                                b"\"response.completed\"}\n\n"),
             asking.MESSAGES: (b"event: message_start\ndata: {\"type\": \"message_start\"}\n\n",
                               b"event: message_stop\ndata: {\"type\": \"message_stop\"}\n\n"),
             asking.GEMINI: (b"data: {\"candidates\": [{\"index\": 0}]}\n\n",
                             b"data: {\"candidates\": [{\"finishReason\": \"STOP\"}]}\n\n")}

    def run_with(self, leave_after: int, outcome: str) -> None:
        """The client reads so many events of two and leaves; the upstream holds its last chunk."""
        events = []

        def script(connection):
            connection.recv_request()
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                            "Transfer-Encoding: chunked\r\n\r\n")
            for event in events[:leave_after]:
                connection.send(b"%x\r\n%s\r\n" % (len(event), event))
            connection.recv_end()

        with RawUpstream(script) as upstream:
            relay = Relay.for_test(self, {
                f"PROXY_{name}_TARGET": upstream.url for name in ("OPENAI", "ANTHROPIC", "GEMINI")
            } | {"GEMINI_SPECIAL_HANDLING_ENABLED": "false"})
            for number, (path, pair) in enumerate(self.MARKS.items(), 1):
                events[:] = pair
                with self.subTest(path=path), RawClient(relay.http) as client:
                    client.send(asking.post(path))
                    client.read_head()
                    for _ in range(leave_after):
                        client.read_chunk()
                    client.close()
                    line = relay.wait_for_log(count=number)[-1]
                    self.assertEqual(line["outcome"], outcome, line)
            upstream.wait_finished(len(self.MARKS))  # each connection was ended

    def test_leaving_after_the_end_marker_is_ok(self):
        """SDKs close as soon as they read the marker: nothing was lost."""
        self.run_with(2, "ok")

    def test_leaving_before_the_end_marker_is_not(self):
        self.run_with(1, "aborted")

    def test_leaving_after_the_last_byte_is_ok(self):
        models = self.enterContext(Models())
        relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": models.url})
        for number in range(1, 11):
            with RawClient(relay.http) as client:
                client.send(asking.post(body=asking.chat(stream=bool(number % 2))))
                client.read_response("POST")
                client.reset() if number % 3 else client.close()
        lines = relay.wait_for_log(count=10)
        self.assertEqual({line["outcome"] for line in lines}, {"ok"})
        self.assertEqual(json.loads(models.requests()[0]["body"])["stream"], True)


class Pipelined(unittest.TestCase):
    def test_two_requests_at_once_are_answered_in_order(self):
        models = self.enterContext(Models())
        relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": models.url})
        with RawClient(relay.http) as client:
            client.send(asking.post(body=asking.chat("first", stream=False)) +
                        asking.post(body=asking.chat("second", stream=False)))
            first = client.read_response("POST")
            self.assertIn(b"first", first.body)
            try:
                self.assertIn(b"second", client.read_response("POST").body)
            except Ended:
                self.assertEqual(first.get("connection"), "close")  # refused safely


if __name__ == "__main__":
    unittest.main()
