# A cut by the upstream is never an end, by fetch as little as by a socket: over HTTP/1.1 and
# HTTP/2, before and within the answer; and which cuts show that a request was not taken.
import json
import unittest

from tests.fakes import certs
from tests.fakes.http2_frames import CANCEL, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM, Http2Frames
from tests.fakes.tls_socket import Ended
from tests.integration.fetch.relays import STRATEGIES, FetchCase
from tests.integration.http.support import OK

LENGTH = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
CHUNKS = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
UNTIL_CLOSE = "HTTP/1.1 200 OK\r\n\r\nhello"


class Http1(FetchCase):
    def cut(self, strategy: str, start: str, how: str, tls: bool):
        def script(connection):
            connection.recv_request()
            connection.send(start)
            getattr(connection, how)()
        raw = self.upstream(script, tls=tls)
        relay = self.by(strategy, raw.url)
        answer = self.ask_raw(relay)
        self.assertEqual(1, len(raw.connections))
        return answer, self.logged(relay, answer)

    def test_what_is_not_whole_is_cut(self):
        cases = [(start, how, tls) for start in (LENGTH, CHUNKS) for tls in (False, True)
                 for how in ("fin", "rst")]
        cases += [(start, "close_notify", True) for start in (LENGTH, CHUNKS)]
        cases += [(UNTIL_CLOSE, "rst", False), (UNTIL_CLOSE, "rst", True),
                  (UNTIL_CLOSE, "fin", True)]  # TLS without its own end
        for start, how, tls in cases:
            for strategy in STRATEGIES:
                with self.subTest(strategy=strategy, start=start, how=how, tls=tls):
                    answer, line = self.cut(strategy, start, how, tls)
                    self.assert_cut(answer)
                    self.assertEqual(("truncated", "body"), (line["outcome"], line["stage"]))

    def test_what_ends_with_its_connection_is_whole_if_that_ends_in_order(self):
        for how, tls in (("fin", False), ("close_notify", True)):
            for strategy in STRATEGIES:
                with self.subTest(strategy=strategy, how=how):
                    answer, line = self.cut(strategy, UNTIL_CLOSE, how, tls)
                    self.assertEqual((b"hello", True), (answer.body, answer.complete))
                    self.assertEqual("ok", line["outcome"])

    def test_an_end_instead_of_an_answer_or_in_its_head(self):
        for start in ("", "HTTP/1.1 200 OK\r\nContent-Le"):
            for how in ("fin", "rst"):
                told = []
                for strategy in STRATEGIES:
                    with self.subTest(strategy=strategy, start=start, how=how):
                        answer, line = self.cut(strategy, start, how, True)
                        self.assert_own_error(answer, 502, "first_byte")
                        told.append((line["outcome"], line["stage"],
                                     json.loads(answer.body)["error"]["code"]))
                self.assertEqual(1, len(set(told)), told)


class Http2(FetchCase):
    def setUp(self):
        self.requests = 0

    def cut(self, script, method: str = "GET", body: bytes = b"", **more):
        """`script(frames, stream)` after the request's head."""
        def run(connection):
            frames = Http2Frames(connection)
            stream = frames.recv_head()
            self.requests += 1
            script(frames, stream)
        raw = self.h2_upstream(run)
        relay = self.by("fetch", raw.url, **more)
        answer = self.ask_raw(relay, method=method, body=body)
        return answer, self.logged(relay, answer)

    ENDS = {
        "reset by an error": lambda frames, stream: frames.reset(stream, INTERNAL_ERROR),
        "reset as cancelled": lambda frames, stream: frames.reset(stream, CANCEL),
        "reset without an error": lambda frames, stream: frames.reset(stream, NO_ERROR),
        "reset and nothing more": lambda frames, stream: (frames.reset(stream, INTERNAL_ERROR),
                                                          frames.recv_end()),
        "reset and the end of tls": lambda frames, stream: (frames.reset(stream, INTERNAL_ERROR),
                                                            frames.connection.close_notify(),
                                                            frames.connection.fin()),
        "refused": lambda frames, stream: (frames.reset(stream, REFUSED_STREAM),
                                           frames.recv_end()),
        "refused and the end": lambda frames, stream: frames.reset(stream, REFUSED_STREAM),
        "fin": lambda frames, stream: frames.connection.fin(),
        "close_notify": lambda frames, stream: (frames.connection.close_notify(),
                                                frames.connection.fin()),
        "goaway and the end": lambda frames, stream: (frames.goaway(stream),
                                                      frames.connection.close_notify(),
                                                      frames.connection.fin()),
        "goaway with an error": lambda frames, stream: (frames.goaway(stream, INTERNAL_ERROR),
                                                        frames.connection.close_notify(),
                                                        frames.connection.fin()),
        "goaway of what was not taken": lambda frames, stream: (frames.goaway(0),
                                                                frames.recv_end()),
    }

    def test_what_is_not_whole_is_cut(self):
        for name, end in self.ENDS.items():
            for fields in ((), (("content-length", "10"),)):
                # libcurl 7.88 takes a reset without an error for an end, whatever came before it;
                # a length shows it.
                if end is self.ENDS["reset without an error"] and not fields:
                    continue
                for begun in (b"hello", b""):
                    with self.subTest(name, fields=fields, begun=begun):
                        def script(frames, stream):
                            frames.head(stream, *fields)
                            if begun:
                                frames.data(stream, begun)
                            end(frames, stream)
                        answer, line = self.cut(script)
                        self.assert_cut(answer)
                        self.assertEqual(("truncated", "body"), (line["outcome"], line["stage"]))

    def test_a_connection_that_is_reset(self):
        """The beginning may be lost with the connection; then it is an error and no answer."""
        for begun in (b"hello", b""):
            with self.subTest(begun=begun):
                def script(frames, stream):
                    frames.head(stream)
                    frames.data(stream, begun)
                    frames.connection.rst()
                answer, line = self.cut(script)
                if answer.status == 502:
                    self.assert_own_error(answer, 502, "first_byte")
                else:
                    self.assert_cut(answer)
                    self.assertEqual("truncated", line["outcome"])

    def test_a_length_that_is_not_kept_is_no_end(self):
        for body in (b"hello", b"hello, world"):
            with self.subTest(body=body):
                def script(frames, stream):
                    frames.head(stream, ("content-length", "10"))
                    frames.data(stream, body, end=True)
                    frames.recv_end()
                answer, _ = self.cut(script)
                self.assert_cut(answer)

    def test_a_stream_that_was_taken_goes_on_after_goaway(self):
        def script(frames, stream):
            frames.head(stream)
            frames.data(stream, b"hello")
            frames.goaway(stream)
            frames.data(stream, b", world", end=True)
            frames.recv_end()
        answer, line = self.cut(script)
        self.assertEqual((b"hello, world", True), (answer.body, answer.complete))
        self.assertEqual("ok", line["outcome"])

    def test_no_answer_is_an_error_of_its_stage(self):
        for name, end in self.ENDS.items():
            with self.subTest(name):
                answer, line = self.cut(end)
                self.assert_own_error(answer, 502, "first_byte")
                self.assertEqual("upstream_closed", json.loads(answer.body)["error"]["code"])
                self.assertEqual("upstream_error", line["outcome"])

    # -- which of them may be sent again

    # "goaway of what was not taken" would be one more, but libcurl 7.88 tells it like any other end
    # of a session, so it counts as taken.
    NOT_TAKEN = ("refused", "refused and the end")

    def again(self, end, method: str) -> tuple:
        """What comes of it with a second upstream that is well: the answer, its log line, and how
        often the first was asked."""
        fine = self.h2_upstream(lambda connection: answer_all(Http2Frames(connection)))
        asked = []

        def run(connection):
            frames = Http2Frames(connection)
            stream, _ = frames.recv_request()
            asked.append(stream)
            end(frames, stream)
        broken = self.h2_upstream(run)
        relay = self.by("fetch", {"url": broken.url, "weight": 1000}, {"url": fine.url},
                        retry={"attempts": 4, "backoff": "1ms", "budget_percent": 100})
        asked.clear()
        while not asked:  # the other target may have been drawn
            answer = self.ask_raw(relay, method=method, body=b"{}" if method == "POST" else b"")
        return answer, self.logged(relay, answer), len(asked)

    def test_a_post_goes_again_only_if_it_was_not_taken(self):
        for name, end in self.ENDS.items():
            with self.subTest(name):
                answer, line, _ = self.again(end, "POST")
                if name in self.NOT_TAKEN:
                    self.assertEqual((200, b"ok"), (answer.status, answer.body), line)
                else:
                    self.assert_own_error(answer, 502, "first_byte")
                    self.assertEqual(1, line["attempts"])

    def test_a_get_goes_again(self):
        for name, end in self.ENDS.items():
            with self.subTest(name):
                answer, line, _ = self.again(end, "GET")
                self.assertEqual((200, b"ok"), (answer.status, answer.body), line)


def answer_all(frames: Http2Frames) -> None:
    while True:
        frames.answer(frames.recv_request()[0])


if __name__ == "__main__":
    unittest.main()
