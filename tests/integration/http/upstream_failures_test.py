# Every way in which an upstream fails before and within its answer, and what the client is told of
# it: status, stage and request id, in the form in which the SDK of each dialect looks for its
# error. Timers are configured short and waited for by their effect; nothing here measures time.
import json
import socket
import threading
import unittest

from tests.fakes import certs
from tests.fakes.relay import sanitized
from tests.integration.http.support import KEY_A, OK, HttpCase, always, memory, request

DIALECTS = ("openai", "anthropic", "gemini", "cohere")  # the last one is opaque
# Tries follow one another at once.
PROMPT_RETRIES = "---\n".join(
    f"kind: Upstream\nname: {dialect}\nspec: {{retry: {{backoff: 1ms}}}}\n" for dialect in DIALECTS)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class UpstreamFailures(HttpCase):
    """Each in every dialect: the SDK of the vendor must find its error where it looks for it."""

    def failed(self, url: str, status: int, stage: str, **env):
        relay = self.relay(config=PROMPT_RETRIES,
                           **{f"PROXY_{d.upper()}_TARGET": url for d in DIALECTS}, **env)
        for dialect in DIALECTS:
            with self.subTest(dialect):
                answer = self.ask(relay, f"/{dialect}/v1/a?key={KEY_A}&secret=query", "POST",
                                  body=b"{}")
                body = self.assert_own_error(answer, status, stage)
                self.check_body(dialect, body, answer, status, stage)
                self.assertNotIn(KEY_A.encode(), answer.head + answer.body)
                self.assertNotIn(b"secret=query", answer.head + answer.body)
                line = relay.wait_for_log(lambda l: l["id"] == answer.get("x-request-id"))[0]
                self.assertEqual((line["stage"], line["status"]), (stage, status))
        return relay

    def check_body(self, dialect, body, answer, status, stage):
        error, request_id = body["error"], answer.get("x-request-id")
        if dialect == "openai":
            self.assertEqual(error["param"], None)
            self.assertTrue(error["message"] and error["type"] and error["code"])
            self.assertEqual((error["stage"], error["request_id"]), (stage, request_id))
        elif dialect == "anthropic":
            self.assertEqual((body["type"], body["request_id"]), ("error", request_id))
            self.assertTrue(error["type"].endswith("_error") and error["message"])
            self.assertEqual(error["stage"], stage)
        elif dialect == "gemini":
            self.assertEqual(error["code"], status)
            self.assertTrue(error["message"] and error["status"].isupper())
            details = json.dumps(error["details"])
            self.assertIn(f'"{stage}"', details)
            self.assertIn(request_id, details)
        else:
            self.assertTrue(error["code"] and error["message"] and error["type"])
            self.assertTrue(error["timestamp"].endswith("Z"))
            self.assertEqual((error["stage"], error["request_id"]), (stage, request_id))

    def test_refused_is_502_connect(self):
        self.failed(f"http://127.0.0.1:{closed_port()}", 502, "connect")

    def test_a_name_that_is_none_is_502_resolve(self):
        self.failed("https://nowhere.invalid", 502, "resolve")

    def test_fault_07_silence_is_504_first_byte(self):
        raw = self.upstream(lambda connection: connection.recv_end())
        self.failed(raw.url, 504, "first_byte", CULVERT_TIMEOUT_FIRST_BYTE="200ms")

    def test_a_handshake_without_end_is_504_tls(self):
        raw = self.upstream(lambda connection: connection.recv_end(), tls=True, handshake=False)
        self.failed(raw.url, 504, "tls", CULVERT_TIMEOUT_TLS="200ms")

    def test_an_end_instead_of_an_answer_is_502(self):
        raw = self.upstream(lambda connection: connection.recv_request())
        self.failed(raw.url, 502, "first_byte")

    def test_bad_certificates_are_502_tls(self):
        for name in ("expired", "wrong_host", "untrusted", "self_signed"):
            with self.subTest(name):
                seen = self.upstream(always(OK), certificate=getattr(certs, name)())
                self.failed(seen.url, 502, "tls")
                self.assertEqual([c.received for c in seen.connections if c.received], [])

    def test_no_tls_where_tls_was_due_is_502_tls(self):
        def script(connection):
            connection.recv_some()
            connection.send(OK)
            connection.recv_end()
        raw = self.upstream(script)
        self.failed(raw.url.replace("http://", "https://"), 502, "tls")


class IdleBodies(HttpCase):
    def test_a_body_that_stands_still_is_cut(self):
        def script(connection):
            connection.recv_head()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
            connection.recv_end()
        raw = self.upstream(script)
        relay = self.relay(upstream=raw, CULVERT_TIMEOUT_IDLE="200ms")
        answer = self.ask(relay, "/raw/a")
        self.assert_cut(answer)
        self.assertEqual(answer.body, b"a")
        line = relay.wait_for_log(lambda entry: entry["outcome"] == "truncated")[0]
        self.assertEqual(line["stage"], "body")
        raw.wait_finished(1)  # the upstream's connection ended too


class SlowReaders(HttpCase):
    def test_fault_08_a_slow_reader_holds_the_upstream_back(self):
        """The upstream offers 256 MiB; the client reads nothing. What was taken from it fits into
        the buffers of two kernels and the relay's bounded one, and then all of it arrives."""
        piece, count = b"a" * 65536, 4096
        sent, stuck = [0], threading.Event()

        def script(connection):
            connection.recv_head()
            connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(piece) * count}\r\n\r\n")
            connection.socket.settimeout(1)
            view = memoryview(piece)
            for _ in range(count):
                rest = view
                while rest:
                    try:
                        done = connection.socket.send(rest)
                    except TimeoutError:
                        stuck.set()  # a second without room for a byte: held back
                        continue
                    sent[0] += done
                    rest = rest[done:]
            connection.recv_end()
        relay = self.relay(upstream=self.upstream(script))
        self.assertEqual(self.ask(relay, "/healthz").status, 200)
        before = memory(relay, "VmRSS")
        client = self.client(relay)
        client.send(request("/raw/a"))
        client.read_head()
        self.assertTrue(stuck.wait(60), "the upstream was never held back")
        self.assertLess(sent[0], 64 * 1024 * 1024)
        if not sanitized():  # whose own memory grows
            self.assertLess(memory(relay, "VmRSS") - before, 8 * 1024 * 1024)
        left = len(piece) * count
        while left:
            left -= len(client.read_some(min(left, 1 << 20)))
            client.received = b""
        relay.wait_for_log(lambda line: line["outcome"] == "ok" and line.get("upstream") == "raw")


if __name__ == "__main__":
    unittest.main()
