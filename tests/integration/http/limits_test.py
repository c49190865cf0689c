# Every bound and timer of the relay, met: what it answers, with which stage, in which dialect's form.
# Timers are configured short and waited for by their effect; nothing here measures time.
import json
import pathlib
import socket
import threading
import unittest

from tests.fakes import certs
from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.tls_socket import FIN, RESET
from tests.integration.http.support import KEY_A, OK, HttpCase, always, request

RELAY = "kind: Relay\nname: r\nspec:\n"
DIALECTS = ("openai", "anthropic", "gemini", "cohere")  # the last one is opaque


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def resident(pid: int) -> int:
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024


class RequestLimits(HttpCase):
    def refused(self, config: str, data: bytes, status: int, stage: str = "limit"):
        raw = self.upstream(always(OK))
        relay = self.relay(RELAY + config if config else None, raw)
        answer = exchange(relay.http, data, method="GET")
        self.assert_own_error(answer, status, stage)
        self.assertEqual(answer.get("connection"), "close")
        self.assertEqual([c.received for c in raw.connections], [])

    def test_a_long_target_is_414(self):
        self.refused("", request("/raw/" + "a" * 17_000), 414)

    def test_a_configured_target_limit(self):
        self.refused("  limits: {target_bytes: 1KiB}\n", request("/raw/" + "a" * 1100), 414)

    def test_a_large_head_is_431(self):
        self.refused("", request("/raw/a", fields="X-A: " + "a" * 70_000 + "\r\n"), 431)

    def test_many_large_fields_are_431(self):
        fields = "".join(f"X-{i}: {'a' * 1000}\r\n" for i in range(70))
        self.refused("", request("/raw/a", fields=fields), 431)

    def test_more_than_a_hundred_fields_are_431(self):
        fields = "".join(f"X-{i}: a\r\n" for i in range(100))
        self.refused("", request("/raw/a", fields=fields), 431)

    def test_configured_head_limits(self):
        self.refused("  limits: {head_fields: 8}\n",
                     request("/raw/a", fields="".join(f"X-{i}: a\r\n" for i in range(8))), 431)
        self.refused("  limits: {head_bytes: 1KiB}\n",
                     request("/raw/a", fields="A: " + "b" * 1100 + "\r\n"), 431)

    def test_what_is_just_within_the_limits_passes(self):
        relay = self.relay(upstream=self.upstream(always(OK)))
        fields = "".join(f"X-{i}: a\r\n" for i in range(99))  # with Host, a hundred
        self.assertEqual(self.ask(relay, "/raw/a", fields=fields).status, 200)
        target = "/raw/" + "a" * (16 * 1024 - 5)
        self.assertEqual(self.ask(relay, target).status, 200)

    def test_a_body_over_the_configured_limit_is_413(self):
        self.refused("  limits: {body_bytes: 1KiB}\n", request("/raw/a", "POST", body=b"a" * 1025),
                     413)

    def test_a_chunked_body_over_the_configured_limit_is_413(self):
        relay = self.relay(RELAY + "  limits: {body_bytes: 1KiB}\n",
                           self.upstream(lambda connection: connection.recv_end()))
        client = self.client(relay)
        client.send("POST /raw/a HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(b"400\r\n" + b"a" * 1024 + b"\r\n1\r\na\r\n")
        self.assert_own_error(client.read_response(), 413, "limit")

    def test_a_body_at_the_limit_passes(self):
        relay = self.relay(RELAY + "  limits: {body_bytes: 1KiB}\n", self.upstream(always(OK)))
        self.assertEqual(self.ask(relay, "/raw/a", "POST", body=b"a" * 1024).status, 200)


class ClientTimers(HttpCase):
    def test_a_slow_head_is_408(self):
        relay = self.relay(CULVERT_TIMEOUT_REQUEST_HEAD="200ms")
        client = self.client(relay)
        client.send("GET /healthz HTTP/1.1\r\nHost:")
        self.assert_own_error(client.read_response(), 408, "request")
        self.assertEqual(client.ends(), FIN)

    def test_a_connection_without_a_byte_is_closed(self):
        client = self.client(self.relay(CULVERT_TIMEOUT_REQUEST_HEAD="200ms"))
        self.assertEqual(client.ends(), FIN)

    def test_a_slow_body_is_408(self):
        relay = self.relay(RELAY + "  client_timeouts: {request_body: 200ms}\n",
                           self.upstream(lambda connection: connection.recv_end()))
        client = self.client(relay)
        client.send("POST /raw/a HTTP/1.1\r\nHost: r\r\nContent-Length: 9\r\n\r\nabc")
        self.assert_own_error(client.read_response(), 408, "request")

    def test_an_idle_connection_is_closed(self):
        client = self.client(self.relay(RELAY + "  client_timeouts: {keep_alive: 200ms}\n"))
        self.assertEqual(client.send(request("/healthz")).read_response().status, 200)
        self.assertEqual(client.ends(), FIN)

    def test_a_client_that_never_shakes_hands_is_dropped(self):
        good = certs.server()
        relay = self.relay(RELAY + "  listen: ['https://127.0.0.1:0']\n"
                           "  client_timeouts: {handshake: 200ms}\n",
                           CULVERT_TLS_CERT=good.cert, CULVERT_TLS_KEY=good.key)
        with RawClient(relay.https) as client:
            self.assertIn(client.ends(), (FIN, RESET))

    def test_a_reader_that_takes_nothing_is_dropped(self):
        def script(connection):
            connection.recv_head()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                while True:
                    connection.send(b"10000\r\n" + b"a" * 65536 + b"\r\n")
            except OSError:
                return
        raw = self.upstream(script)
        relay = self.relay(RELAY + "  client_timeouts: {write: 300ms}\n", raw)
        client = self.client(relay)
        client.send(request("/raw/a"))
        client.read_head()
        raw.wait_finished(1)
        relay.wait_for_metric(lambda m: m.sum("culvert_refused_total", reason="slow_reader") == 1)


class Connections(HttpCase):
    def test_above_the_cap_requests_are_503(self):
        relay = self.relay(RELAY + "  limits: {connections: 2}\n")
        held = [self.client(relay) for _ in range(2)]
        for one in held:
            self.assertEqual(one.send(request("/healthz")).read_response().status, 200)
        with RawClient(relay.http) as client:
            answer = client.send(request("/healthz")).read_response()
            self.assert_own_error(answer, 503, "limit")
            self.assertGreaterEqual(int(answer.get("retry-after")), 1)
            self.assertEqual(answer.get("connection"), "close")
        for one in held:
            self.assertEqual(one.send(request("/healthz")).read_response().status, 200)
            one.close()
        relay.wait_for_metric(lambda m: m.sum("culvert_client_connections") == 0)
        self.assertEqual(self.ask(relay, "/healthz").status, 200)

    def test_one_address_cannot_take_them_all(self):
        relay = self.relay(RELAY + "  limits: {connections_per_address: 2}\n")
        held = [self.client(relay) for _ in range(2)]
        for one in held:
            self.assertEqual(one.send(request("/healthz")).read_response().status, 200)
        with RawClient(relay.http) as third:
            third.send(request("/healthz"))
            self.assertEqual(third.read_response().status, 0, "a third connection was served")
        with RawClient(relay.http, source="127.0.0.2") as other:
            self.assertEqual(other.send(request("/healthz")).read_response().status, 200)
        relay.wait_for_metric(
            lambda m: m.sum("culvert_refused_total", reason="connections_per_address") == 1)


class UpstreamFailures(HttpCase):
    """Each in every dialect: the SDK of the vendor must find its error where it looks for it."""

    def failed(self, url: str, status: int, stage: str, **env):
        relay = self.relay(**{f"PROXY_{d.upper()}_TARGET": url for d in DIALECTS}, **env)
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
        before = resident(relay.pid)
        client = self.client(relay)
        client.send(request("/raw/a"))
        client.read_head()
        self.assertTrue(stuck.wait(60), "the upstream was never held back")
        self.assertLess(sent[0], 64 * 1024 * 1024)
        self.assertLess(resident(relay.pid) - before, 8 * 1024 * 1024)
        left = len(piece) * count
        while left:
            left -= len(client.read_some(min(left, 1 << 20)))
            client.received = b""
        relay.wait_for_log(lambda line: line["outcome"] == "ok" and line.get("upstream") == "raw")


if __name__ == "__main__":
    unittest.main()
