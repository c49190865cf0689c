# Errors by stage, and the timers: both strategies tell the same of the same failure, in status,
# code, stage and outcome, and in words that are the relay's own. Timers are configured short and
# waited for by their effect.
import socket
import threading
import unittest

from tests.fakes import certs
from tests.fakes.http2_frames import Http2Frames
from tests.fakes.raw_client import RawClient
from tests.integration.fetch.relays import STRATEGIES, FetchCase
from tests.integration.fetch.support import free_port
from tests.integration.http.support import OK, always, request

LIBRARY_WORDS = ("curl", "openssl", "ssl_", "nghttp2", "mbedtls", "error:")


class Stages(FetchCase):
    def told(self, strategy, url: str, method: str = "GET", **spec) -> dict:
        relay = self.by(strategy, url, **spec)
        answer = self.ask_raw(relay, "/a?secret=query", method, body=b"{}" * (method == "POST"))
        error = self.assert_own_error(answer, answer.status)["error"]
        line = self.logged(relay, answer)
        self.assertEqual(strategy, line["strategy"])
        self.assertEqual((error["stage"], error["message"]), (line["stage"], line["error"]))
        for word in LIBRARY_WORDS:
            self.assertNotIn(word, error["message"].lower())
        self.assertNotIn("secret", error["message"])
        return {"status": answer.status, "code": error["code"], "stage": error["stage"],
                "type": error["type"], "outcome": line["outcome"], "message": error["message"]}

    def same(self, url: str, status: int, stage: str, words: str = "", same_words: bool = True,
             **spec) -> None:
        for method in ("GET", "POST"):
            with self.subTest(stage=stage, words=words, method=method):
                by_socket, by_fetch = (self.told(one, url, method, **spec) for one in STRATEGIES)
                self.assertEqual((status, stage), (by_fetch["status"], by_fetch["stage"]))
                self.assertIn(words, by_fetch["message"])
                if not same_words:
                    by_socket.pop("message"), by_fetch.pop("message")
                self.assertEqual(by_socket, by_fetch)

    def test_resolve(self):
        self.same("https://nowhere.invalid", 502, "resolve")

    def test_connect(self):
        self.same(f"http://127.0.0.1:{free_port()}", 502, "connect", "refused")
        self.same(f"https://localhost:{free_port()}", 502, "connect", "refused")

    def test_tls(self):
        for name, words in (("expired", "expired"), ("wrong_host", "names another host"),
                            ("untrusted", "nobody who is trusted"), ("self_signed", "nobody")):
            seen = self.upstream(always(OK), certificate=getattr(certs, name)())
            self.same(seen.url, 502, "tls", words, same_words=False)
            self.assertEqual([], [c.received for c in seen.connections if c.received])

    def test_no_tls_where_it_was_due(self):
        def script(connection):
            connection.recv_some()
            connection.send(OK)
            connection.recv_end()
        raw = self.upstream(script)
        self.same(raw.url.replace("http://", "https://"), 502, "tls", same_words=False)

    def test_an_end_in_the_handshake(self):
        for how in ("fin", "rst"):
            raw = self.upstream(lambda connection: (connection.recv_some(),
                                                    getattr(connection, how)()),
                                tls=True, handshake=False)
            self.same(raw.url, 502, "tls", same_words=False)

    def test_an_end_instead_of_an_answer(self):
        for tls in (False, True):
            raw = self.upstream(lambda connection: connection.recv_request(), tls=tls)
            self.same(raw.url, 502, "first_byte", same_words=not tls)

    def test_an_answer_that_cannot_be_read(self):
        for answer in ("HTTP/1.1 abc\r\n\r\n", "nonsense\r\n\r\n",
                       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                       "HTTP/1.1 200 OK\r\nBad Name: 1\r\nContent-Length: 0\r\n\r\n",
                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"):
            raw = self.upstream(lambda connection: (connection.recv_request(),
                                                    connection.send(answer),
                                                    connection.recv_end()))
            with self.subTest(answer=answer):
                self.same(raw.url, 502, "first_byte", same_words=False)

    # -- timers

    def test_connect_timer(self):
        with socket.socket() as full:  # a queue of one that is taken: further SYNs are dropped
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            taken = []
            for _ in range(3):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
                taken.append(one)
                self.addCleanup(one.close)
            self.same(f"http://127.0.0.1:{port}", 504, "connect", timeouts={"connect": "200ms"})

    def test_tls_timer(self):
        raw = self.upstream(lambda connection: connection.recv_end(), tls=True, handshake=False)
        self.same(raw.url, 504, "tls", "took too long", timeouts={"tls": "200ms"})

    def test_first_byte_timer(self):
        for tls in (False, True):
            raw = self.upstream(lambda connection: connection.recv_end(), tls=tls)
            self.same(raw.url, 504, "first_byte", "did not answer",
                      timeouts={"first_byte": "200ms"})

    def test_first_byte_timer_over_http2(self):
        raw = self.h2_upstream(lambda connection: Http2Frames(connection).recv_end())
        told = self.told("fetch", raw.url, timeouts={"first_byte": "200ms"})
        self.assertEqual((504, "first_byte"), (told["status"], told["stage"]))
        raw.wait_finished(1)

    def test_idle_timer(self):
        def plain(connection):
            connection.recv_head()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
            connection.recv_end()

        def framed(connection):
            frames = Http2Frames(connection)
            stream, _ = frames.recv_request()
            frames.head(stream)
            frames.data(stream, b"a")
            frames.recv_end()
        lines = []
        for strategy, raw in (("socket", self.upstream(plain)), ("fetch", self.upstream(plain)),
                              ("fetch", self.upstream(plain, tls=True)),
                              ("fetch", self.h2_upstream(framed))):
            relay = self.by(strategy, raw.url, timeouts={"idle": "200ms"})
            answer = self.ask_raw(relay)
            self.assert_cut(answer)
            self.assertEqual(b"a", answer.body)
            line = self.logged(relay, answer)
            lines.append((line["outcome"], line["stage"], line["error"]))
            raw.wait_finished(1)
        self.assertEqual(1, len(set(lines)), lines)

    def test_total_timer(self):
        """A stream that never rests ends by the clock alone."""
        lines = []
        for strategy in STRATEGIES:
            over = threading.Event()

            def script(connection):
                connection.recv_head()
                connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while not over.wait(0.01):
                    connection.send("1\r\na\r\n")
            raw = self.upstream(script)
            relay = self.by(strategy, raw.url, timeouts={"total": "500ms"})
            with RawClient(relay.http) as client:
                client.send(request("/raw/a"))
                answer = client.read_response()
            over.set()
            self.assert_cut(answer)
            line = self.logged(relay, answer)
            lines.append((line["outcome"], line["stage"], line["error"]))
        self.assertEqual(1, len(set(lines)), lines)


if __name__ == "__main__":
    unittest.main()
