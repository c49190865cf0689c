# HTTP/2 as nginx speaks it, before an upstream that the test commands: the head that arrives, both
# ways at once, one token at a time, a reader that rests, cancelling, and certificates.
import json
import shutil
import tempfile
import unittest

from tests.fakes import certs
from tests.fakes.raw_upstream import RawUpstream
from tests.integration.fetch.support import Nginx, drive, driver, head, program


@unittest.skipUnless(program("nginx"), "nginx is not installed")
class Http2(unittest.TestCase):
    def behind(self, script) -> Nginx:
        """nginx before that script; `self.upstream` is the script's side."""
        folder = tempfile.mkdtemp(prefix="culvert-nginx-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.upstream = RawUpstream(script)
        self.addCleanup(self.upstream.close, False)
        return Nginx(self, folder, self.upstream.port)

    def test_head_and_body_arrive_as_they_were_sent(self):
        heads = []

        def script(connection):
            heads.append(connection.recv_request())
            connection.answer(b"hello", headers="X-Answer: yes\r\n")

        nginx = self.behind(script)
        request = head("POST", "/v1/a%2e?b=%7E|", Accept="*/*", User_Agent="one",
                       Content_Type="application/json", Authorization="Bearer k",
                       Content_Length=4) + b"body"
        events = drive(request, nginx.port)
        self.assertEqual(200, events.one("head")["status"])
        self.assertEqual("yes", events.one("head")["fields"]["x-answer"])
        self.assertEqual({"event": "end", "received": 5, "sent": 4}, events.one("end"))
        self.assertEqual(["HTTP/2.0|POST|/v1/a%2e?b=%7E||localhost|127.0.0.1"], nginx.seen(1))
        fetched, body = heads[0]
        self.assertEqual(b"body", body)
        # Over HTTP/1.1 to the same nginx: what it passes on is the same, but for the connection.
        drive(request, nginx.port, "--strategy", "socket")

        def fields(raw: bytes) -> list[bytes]:
            return [line.lower() for line in raw.split(b"\r\n")[1:] if line]

        self.assertEqual(fields(heads[1][0]), fields(fetched))

    def test_a_body_of_unknown_length_and_a_large_one(self):
        def script(connection):
            connection.answer(str(len(connection.recv_request()[1])))

        nginx = self.behind(script)
        for size in (0, 1, 100_000, 8_000_000):
            events = drive(head(Transfer_Encoding="chunked") + b"u" * size, nginx.port, "--chunked")
            self.assertEqual(str(size), events.of("body")[0]["text"], events)
            events = drive(head(Content_Length=size) + b"u" * size, nginx.port)
            self.assertEqual(str(size), events.of("body")[0]["text"], events)

    def test_one_connection_serves_one_after_the_other(self):
        nginx = self.behind(lambda connection: (connection.recv_request(), connection.answer()))
        events = drive(head("GET"), nginx.port, "--times", "5")
        self.assertEqual([False, True, True, True, True],
                         [line["reused"] for line in events.of("connected")])
        self.assertEqual({1}, {events.one("over")[name] for name in ("lanes", "idle")})

    def test_answers_without_a_body(self):
        nginx = self.behind(lambda connection: None)
        for request, words, status in ((head("GET", "/nothing"), (), 204),
                                       (head("HEAD", "/large"), ("--head",), 200),
                                       (head("GET", "/moved"), (), 302)):
            events = drive(request, nginx.port, *words)
            self.assertEqual(status, events.one("head")["status"])
            self.assertEqual(1, len(events.of("end")), events)

    def test_tokens_pass_one_at_a_time(self):
        tokens, told = 10, []

        def script(connection):
            connection.recv_request()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in range(tokens):
                connection.send(f"7\r\ntoken {number}\r\n")
                # The next one waits for the driver's word. nginx keeps a head for the first byte.
                told.extend(lines.readline() for _ in range(1 if number else 3))
            connection.send("0\r\n\r\n")

        nginx = self.behind(script)
        child = driver(head(Content_Length=0), nginx.port)
        lines = child.stdout
        self.upstream.wait_finished(1)
        rest = lines.read()
        child.wait()
        lines.close()
        said = [json.loads(line) for line in told]
        self.assertEqual(["connected", "head"], [line["event"] for line in said[:2]])
        self.assertEqual([f"token {number}" for number in range(tokens)],
                         [line["text"] for line in said[2:]])
        self.assertIn(b'"end"', rest)

    def test_a_reader_that_rests_costs_no_memory(self):
        nginx = self.behind(lambda connection: None)
        events = drive(head("GET", "/large"), nginx.port, "--hold-ms", "1500")
        self.assertEqual(64 << 20, events.one("end")["received"])
        self.assertLess(events.one("over")["peak_kib"], 40 << 10)

    def test_cancelling_is_seen_upstream(self):
        ends = []

        def script(connection):
            connection.recv_request()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntoken\r\n")
            ends.append(connection.recv_end())

        nginx = self.behind(script)
        events = drive(head(Content_Length=0), nginx.port, "--cancel-at", "1")
        self.assertEqual(1, len(events.of("cancelled")))
        self.assertEqual(0, events.one("over")["idle"])
        self.upstream.wait_finished(1)
        self.assertEqual(1, len(ends))

    def test_a_cut_is_no_end(self):
        def script(connection):
            connection.recv_request()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntoken\r\n")
            connection.rst()

        nginx = self.behind(script)
        failed = drive(head(Content_Length=0), nginx.port).one("failed")
        self.assertEqual(("upstream_closed", "body"), (failed["code"], failed["stage"]), failed)
        self.assertFalse(failed["untouched"])

    def test_certificates_and_names(self):
        nginx = self.behind(lambda connection: (connection.recv_request(), connection.answer()))
        self.assertEqual(1, len(drive(head("GET"), nginx.port, "--tls13").of("end")))
        self.assertIn("|localhost|", nginx.seen(1)[0])
        for words, detail in ((("--server-name", "elsewhere.example"), "names another host"),
                              (("--ca", certs.stranger().ca_file), "nobody who is trusted")):
            failed = drive(head("GET"), nginx.port, *words).one("failed")
            self.assertEqual(("tls_failed", "tls"), (failed["code"], failed["stage"]))
            self.assertIn(detail, failed["detail"])
            self.assertTrue(failed["untouched"])


if __name__ == "__main__":
    unittest.main()
