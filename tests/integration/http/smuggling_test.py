# Requests of which two parsers could think differently. Each row names the section that lets the
# relay refuse it. What is refused is answered, the connection ends, and not a byte of it reaches
# the upstream, however TCP cut it. Answers are in answers_test.py.
import unittest

from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.tls_socket import Ended
from tests.integration.http.support import OK, HttpCase, always, request

POST = b"POST /raw/a HTTP/1.1\r\nHost: r\r\n"
GET = b"GET /raw/a HTTP/1.1\r\nHost: r\r\n"
SMUGGLED = b"GET /raw/smuggled HTTP/1.1\r\nHost: r\r\n\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n"

# name → (statuses that are right, the bytes). The RFC is 9112 where none is named.
REFUSED = {
    "length and chunked, §6.3": ({400}, POST + b"Content-Length: 5\r\n" + CHUNKS + b"0\r\n\r\n"),
    "chunked and length, §6.3": (
        {400}, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    "two lengths, §6.3": ({400}, POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nab"),
    "two equal lengths, §6.3": ({400}, POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab"),
    "a list of lengths, §6.3": ({400}, POST + b"Content-Length: 2, 2\r\n\r\nab"),
    "a signed length, RFC 9110 §8.6": ({400}, POST + b"Content-Length: +2\r\n\r\nab"),
    "a negative length, RFC 9110 §8.6": ({400}, POST + b"Content-Length: -2\r\n\r\nab"),
    "a hexadecimal length, RFC 9110 §8.6": ({400}, POST + b"Content-Length: 0x2\r\n\r\nab"),
    "a length that overflows": ({400}, POST + b"Content-Length: 18446744073709551618\r\n\r\nab"),
    "an empty length": ({400}, POST + b"Content-Length: \r\n\r\n"),
    "a length with a space inside": ({400}, POST + b"Content-Length: 1 2\r\n\r\nab"),
    "chunked twice, §6.1": ({400, 501}, POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n"),
    "two transfer codings, §6.1": (
        {400, 501}, POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "gzip before chunked, §6.1": ({400, 501}, POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
    "identity, §6.1": ({400, 501}, POST + b"Transfer-Encoding: identity\r\n\r\n"),
    "xchunked, §6.1": ({400, 501}, POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "an empty transfer coding": ({400, 501}, POST + b"Transfer-Encoding: \r\n\r\n0\r\n\r\n"),
    "a vertical tab before chunked, §5.5": (
        {400, 501}, POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    "chunked in HTTP/1.0, §6.1": (
        {400}, b"POST /raw/a HTTP/1.0\r\nHost: r\r\n" + CHUNKS + b"0\r\n\r\n"),
    "a space before the colon, §5.1": (
        {400}, POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    "a folded transfer coding, §5.2": ({400}, POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n"),
    "a folded field, §5.2": ({400}, GET + b"X-A: b\r\n c\r\n\r\n"),
    "a field that begins with a space, CVE-2024-27982": (
        {400}, POST + b"X-A: b\r\n Content-Length: 46\r\n\r\n" + SMUGGLED),
    "a bare CR in a field, CVE-2023-30589": (
        {400}, POST + b"X-Abc:\rxTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    "a bare LF at the end of a field, §2.2": ({400}, GET + b"X-A: b\nX-C: d\r\n\r\n"),
    "a bare LF at the end of a head, §2.2": ({400}, b"GET /raw/a HTTP/1.1\nHost: r\n\n"),
    "a NUL in a field, RFC 9110 §5.5": ({400}, GET + b"X-A: b\x00c\r\n\r\n"),
    "a NUL in a name, RFC 9110 §5.1": ({400}, GET + b"X-\x00A: b\r\n\r\n"),
    "a name with a space, RFC 9110 §5.1": ({400}, GET + b"X A: b\r\n\r\n"),
    "an empty name, RFC 9110 §5.1": ({400}, GET + b": b\r\n\r\n"),
    "a field without a colon, §5": ({400}, GET + b"Nonsense\r\n\r\n"),
    "no Host, §3.2": ({400}, b"GET /raw/a HTTP/1.1\r\n\r\n"),
    "two Hosts, §3.2": ({400}, GET + b"Host: r\r\n\r\n"),
    "a Host that is none, §3.2": ({400}, b"GET /raw/a HTTP/1.1\r\nHost: a b\r\n\r\n"),
    "a Host with user information, §3.2": ({400}, b"GET /raw/a HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    "another host in the target, §3.2.2": (
        {400}, b"GET http://elsewhere.test/raw/a HTTP/1.1\r\nHost: r\r\n\r\n"),
    "a target without its slash, §3.2": ({400}, b"GET raw/a HTTP/1.1\r\nHost: r\r\n\r\n"),
    "a fragment, §3.2.1": ({400}, b"GET /raw/a#b HTTP/1.1\r\nHost: r\r\n\r\n"),
    "two spaces, §3": ({400}, b"GET  /raw/a HTTP/1.1\r\nHost: r\r\n\r\n"),
    "two spaces before the version, §3": ({400}, b"GET /raw/a  HTTP/1.1\r\nHost: r\r\n\r\n"),
    "a space in the target, §3.2": ({400, 505}, b"GET /raw/a b HTTP/1.1\r\nHost: r\r\n\r\n"),
    "a tab for a space, §3": ({400}, b"GET\t/raw/a HTTP/1.1\r\nHost: r\r\n\r\n"),
    "HTTP/0.9, §2.3": ({400, 505}, b"GET /raw/a HTTP/0.9\r\nHost: r\r\n\r\n"),
    "HTTP/0.9 without a version": ({400, 505}, b"GET /raw/a\r\n\r\n"),
    "HTTP/1.2, §2.3": ({400, 505}, b"GET /raw/a HTTP/1.2\r\nHost: r\r\n\r\n"),
    "HTTP/2.0 as text, §2.3": ({400, 505}, b"GET /raw/a HTTP/2.0\r\nHost: r\r\n\r\n"),
    "HTTP/2's preface": ({400, 505}, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a version in lower case, §2.3": ({400, 505}, b"GET /raw/a http/1.1\r\nHost: r\r\n\r\n"),
    "an unknown method": ({400, 501}, b"BREW /raw/a HTTP/1.1\r\nHost: r\r\n\r\n"),
    "a method in lower case, §3.1": ({400, 501}, b"get /raw/a HTTP/1.1\r\nHost: r\r\n\r\n"),
    "a method that is not carried": ({400, 501}, b"TRACE /raw/a HTTP/1.1\r\nHost: r\r\n\r\n"),
    "GET with a body, RFC 9110 §9.3.1": ({400}, GET + b"Content-Length: 2\r\n\r\nab"),
    "HEAD with a body, RFC 9110 §9.3.2": (
        {400}, b"HEAD /raw/a HTTP/1.1\r\nHost: r\r\nContent-Length: 2\r\n\r\nab"),
    "CONNECT with a body, RFC 9110 §9.3.6": (
        {400}, b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nContent-Length: 2\r\n\r\nab"),
    "two credentials": ({400}, GET + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"),
    "an expectation that is none, RFC 9110 §10.1.1": (
        {400, 417}, POST + b"Expect: 200-maybe\r\nContent-Length: 2\r\n\r\nab"),
}

# The head of these is fine, so the upstream may have seen it, but never what stands behind.
BROKEN_CHUNKS = {
    "a size with 0x, §7.1": b"0x1\r\na\r\n0\r\n\r\n",
    "a negative size, §7.1": b"-1\r\na\r\n0\r\n\r\n",
    "a space after the size, §7.1": b"1 \r\na\r\n0\r\n\r\n",
    "a size that overflows, §7.1": b"10000000000000001\r\na\r\n0\r\n\r\n",
    "a bare LF after the size, §7.1": b"1\na\r\n0\r\n\r\n",
    "a bare LF after the data, §7.1": b"1\r\na\n0\r\n\r\n",
    "more data than the size, §7.1": b"1\r\nabcd\r\n0\r\n\r\n",
    "an empty size, §7.1": b"\r\na\r\n0\r\n\r\n",
    "a bare LF in an extension, §7.1.1": b"1;a\nb\r\na\r\n0\r\n\r\n",
    "a bare CR in an extension, §7.1.1": b"1;a\rb\r\na\r\n0\r\n\r\n",
    "extensions without end, §7.1.1": b"1;" + b"x" * 70000 + b"\r\na\r\n0\r\n\r\n",
    "a bare LF ends the trailers": b"1\r\na\r\n0\r\n\n",
    "a trailer that is no field": b"1\r\na\r\n0\r\nNonsense\r\n\r\n",
}


def splits(data: bytes) -> list[int]:
    """A few offsets that matter: around the ends of the first line, the head, and within."""
    marks = {1, 4, data.find(b"\r\n") + 1, len(data) // 2, data.rfind(b"\r\n") + 1, len(data) - 1}
    return sorted(mark for mark in marks if 0 < mark < len(data))


class RefusedRequests(HttpCase):
    def setUp(self):
        self.raw = self.upstream(always(OK))
        self.relay_under_test = self.relay(upstream=self.raw)

    def send(self, *parts: bytes):
        """All of the answer's connection, to its end. Parts that arrive apart are sent apart: the
        first has reached the relay when a probe on another connection was answered."""
        with RawClient(self.relay_under_test.http) as client:
            for part in parts:
                try:
                    client.send(part)
                except (BrokenPipeError, ConnectionResetError):
                    break  # it was refused by what came before
                if part is not parts[-1]:
                    exchange(self.relay_under_test.http, request("/healthz"))
            answer = client.read_response()
            try:
                rest, _ = client.read_to_end()
            except Ended as end:
                rest = end.partial
            return answer, rest

    def assert_refused(self, statuses: set, *parts: bytes):
        answer, rest = self.send(*parts)
        self.assertIn(answer.status, statuses, answer.body)
        self.assert_own_error(answer, answer.status)
        self.assertEqual(answer.get("connection"), "close")
        self.assertEqual(rest, b"", "a second answer")

    def test_every_ambiguous_head_is_refused_and_nothing_of_it_goes_up(self):
        for name, (statuses, data) in REFUSED.items():
            with self.subTest(name):
                self.assert_refused(statuses, data + SMUGGLED)
        self.assertEqual([c.received for c in self.raw.connections], [])

    def test_the_same_cut_in_two_anywhere_that_matters(self):
        for name, (statuses, data) in REFUSED.items():
            for cut in splits(data):
                with self.subTest(name, cut=cut):
                    self.assert_refused(statuses, data[:cut], data[cut:])
        self.assertEqual([c.received for c in self.raw.connections], [])

    def test_broken_chunks_end_the_request_and_hide_nothing(self):
        for name, chunks in BROKEN_CHUNKS.items():
            with self.subTest(name):
                answer, rest = self.send(POST + CHUNKS + chunks + SMUGGLED)
                self.assertEqual(answer.status, 400, answer.body)
                self.assertEqual(rest, b"")
        self.assert_nothing_smuggled()

    def test_broken_chunks_cut_in_two(self):
        for name, chunks in BROKEN_CHUNKS.items():
            if len(chunks) > 1000:
                continue
            for cut in splits(chunks):
                with self.subTest(name, cut=cut):
                    answer, rest = self.send(POST + CHUNKS + chunks[:cut], chunks[cut:] + SMUGGLED)
                    self.assertEqual((answer.status, rest), (400, b""), answer.body)
        self.assert_nothing_smuggled()

    def assert_nothing_smuggled(self):
        for connection in self.raw.connections:
            self.assertNotIn(b"smuggled", connection.received)
            self.assertNotIn(b"0\r\n\r\n", connection.received, "a broken body looked whole")

    def test_what_hides_in_a_body_stays_a_body(self):
        """A request inside of a body, framed well, is no request."""
        client = self.client(self.relay_under_test)
        got = client.send(request("/raw/a", "POST", body=SMUGGLED)).read_response()
        self.assertEqual(got.body, b"ok")
        got = client.send(request("/raw/b")).read_response()
        self.assertEqual(got.body, b"ok")
        received = b"".join(c.received for c in self.raw.connections)
        self.assertEqual(received.count(b"POST /a HTTP/1.1"), 1)
        self.assertEqual(received.count(b"GET /b HTTP/1.1"), 1)
        self.assertEqual(received.count(SMUGGLED), 1)

    def test_a_few_empty_lines_before_a_request_are_forgiven_and_no_more(self):
        """RFC 9112 §2.2 asks for leniency towards old clients."""
        got = exchange(self.relay_under_test.http, b"\r\n\r\n" + request("/raw/a"), method="GET")
        self.assertEqual(got.body, b"ok")
        self.assert_refused({400}, b"\r\n" * 5000)


if __name__ == "__main__":
    unittest.main()
