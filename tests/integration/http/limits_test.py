# Every bound and timer towards clients, met: what is answered, and how the connection ends. Timers
# are configured short and waited for by their effect; nothing here measures time.
import threading
import unittest

from tests.fakes import certs
from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.tls_socket import FIN, RESET
from tests.integration.http.support import OK, TOKEN, HttpCase, always, request

RELAY = "kind: Relay\nname: r\nspec:\n"


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
        for _ in range(50):  # the refusal meets the connection to the upstream at any of its steps
            client = self.client(relay)
            client.send("POST /raw/a HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.send(b"400\r\n" + b"a" * 1024 + b"\r\n1\r\na\r\n")
            self.assert_own_error(client.read_response(), 413, "limit")
            client.close()

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


class SlowReaders(HttpCase):
    def test_answers_that_nobody_reads_are_not_piled_up(self):
        """One connection asks two thousand times for a page and reads nothing for long."""
        relay = self.relay(CULVERT_WORKERS="1")
        client = self.client(relay)
        filler = "X-Filler: " + "f" * 20_000  # more than two kernels hold
        asked = request("/", fields=f"Accept: text/html\r\n{filler}\r\n")
        sent = []

        def ask():
            for number in range(2000):
                client.send(asked)
                sent.append(number)
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        # Either it stands still, with nothing moving over many looks, or all is taken.
        still, last = 0, None
        while thread.is_alive() and still < 100:
            now = len(sent)
            relay.metrics()  # the look takes the relay's time, too
            still = still + 1 if now == last and now > 0 else 0
            last = now
        self.assertTrue(thread.is_alive(), "the relay read requests without end")
        for _ in range(2000):
            self.assertEqual(client.read_response().status, 200)
        thread.join()

    def test_the_keep_alive_timer_does_not_cut_a_slow_reader(self):
        body = b"x" * 4_000_000  # more than two kernels hold
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        relay = self.relay(RELAY + "  client_timeouts: {keep_alive: 200ms}\n",
                           self.upstream(always(answer)))
        slow = self.client(relay)
        slow.send(request("/raw/a")).read_head()
        for _ in range(3):  # three lives of the timer
            other = self.client(relay)
            self.assertEqual(other.send(request("/healthz")).read_response().status, 200)
            self.assertEqual(other.ends(), FIN)
        # The last bytes leave the upstream while the client still reads slowly.
        self.assertEqual(len(slow.read_exactly(len(body) - 300_000)), len(body) - 300_000)
        for _ in range(3):
            other = self.client(relay)
            self.assertEqual(other.send(request("/healthz")).read_response().status, 200)
            self.assertEqual(other.ends(), FIN)
        self.assertEqual(len(slow.read_exactly(300_000)), 300_000)


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

    def test_an_upstream_has_many_requests_at_once_in_every_mode(self):
        """None is answered before all have arrived."""
        together = threading.Barrier(20)

        def script(connection):
            connection.recv_request()
            together.wait(timeout=30)
            connection.send(OK)
        raw = self.upstream(script)
        relay = self.relay(upstream=raw, AUTH_TOKEN=TOKEN, CULVERT_GENERIC_ALLOW="127.0.0.0/8")
        for path in (f"/{TOKEN}/raw/a", f"/{TOKEN}/http/{raw.address}/a"):
            with self.subTest(path):
                clients = [self.client(relay) for _ in range(together.parties)]
                for client in clients:
                    client.send(request(path))
                for client in clients:
                    self.assertEqual(client.read_response().body, b"ok")


if __name__ == "__main__":
    unittest.main()
