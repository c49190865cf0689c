# TLS on both sides as real peers see it: Python's and the openssl program's OpenSSL against the
# listeners, OpenSSL as the upstream. Versions, certificates by name, ALPN, resumption across
# workers, what is no TLS at all, and that many handshakes never stall a stream that runs.
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from tests.fakes import certs
from tests.fakes.models import Models
from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.raw_upstream import RawUpstream
from tests.fakes.relay import Relay
from tests.fakes.tls_socket import CLOSE_NOTIFY, Ended
from tests.integration.life import asking, settings

HANG_GUARD_SECONDS = 60.0
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
ALIVE = asking.get("/healthz", key=None)


def only(version: str, alpn=("http/1.1",), verify: bool = True) -> ssl.SSLContext:
    context = certs.authority().client_context(verify=verify, alpn=alpn)
    context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


def client_hello() -> bytes:
    out = ssl.MemoryBIO()
    hello = certs.authority().client_context().wrap_bio(ssl.MemoryBIO(), out,
                                                        server_hostname="localhost")
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def der(certificate: certs.Certificate) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pathlib.Path(certificate.cert).read_text())


class Listener(unittest.TestCase):
    def relay(self, *certificates: certs.Certificate, workers: int = 2, more=(), **spec) -> Relay:
        files = [{"cert": c.cert, "key": c.key} for c in certificates or (certs.server(),)]
        return Relay.for_test(self, config=settings.resources(
            settings.relay(listen=["https://127.0.0.1:0"], certificates=files, workers=workers,
                           **spec), *more))

    def alive(self, relay: Relay, context=None) -> None:
        answer = exchange(relay.https, ALIVE, context or certs.authority().client_context())
        self.assertEqual((answer.status, answer.ended), (200, "complete"))


class Reloads(Listener):
    def test_a_reload_that_takes_the_certificates_away_leaves_the_listener(self):
        relay = self.relay()
        self.alive(relay)
        relay.write_config(settings.resources(settings.relay(listen=["http://127.0.0.1:0"])))
        relay.sighup()
        relay.wait_for_message("reloaded")
        for _ in range(8):  # each worker
            self.alive(relay)


class Versions(Listener):
    def test_both_versions_with_both_kinds_of_key(self):
        for kind in ("ecdsa", "rsa"):
            relay = self.relay(certs.server(kind))
            for version in VERSIONS:
                with self.subTest(kind=kind, version=version):
                    with RawClient(relay.https, only(version)) as client:
                        self.assertEqual(client.tls.version(), f"TLSv{version}")
                        client.send(ALIVE)
                        self.assertEqual(client.read_response().status, 200)

    def test_older_versions_are_refused(self):
        relay = self.relay()
        for flag in ("-tls1", "-tls1_1"):
            done = self.s_client(relay, flag, "-cipher", "DEFAULT@SECLEVEL=0")
            self.assertNotEqual(done.returncode, 0, done.stdout)
            self.assertNotIn("HTTP/1.1 200", done.stdout)
        self.alive(relay)

    def s_client(self, relay: Relay, *arguments: str, text: str = ""):
        return subprocess.run(
            ["openssl", "s_client", "-connect", relay.https, "-servername", "localhost", "-CAfile",
             certs.authority().ca_file, "-verify_return_error", "-ign_eof", *arguments],
            input=text, capture_output=True, text=True, timeout=HANG_GUARD_SECONDS)

    def test_the_openssl_program_as_client(self):
        request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for kind in ("ecdsa", "rsa"):
            relay = self.relay(certs.server(kind))
            for flag in ("-tls1_2", "-tls1_3"):
                with self.subTest(kind=kind, flag=flag):
                    done = self.s_client(relay, flag, "-alpn", "http/1.1", text=request)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn("HTTP/1.1 200", done.stdout)
                    self.assertIn("ALPN protocol: http/1.1", done.stdout)
                    self.assertIn("Verify return code: 0 (ok)", done.stdout)

    def test_openssls_own_reconnect_resumes(self):
        relay = self.relay(workers=4)
        done = subprocess.run(
            ["openssl", "s_client", "-connect", relay.https, "-tls1_2", "-reconnect", "-CAfile",
             certs.authority().ca_file], input="Q\n", capture_output=True, text=True,
            timeout=HANG_GUARD_SECONDS)
        self.assertEqual(done.stdout.count("Reused, TLSv1.2"), 5, done.stdout[-2000:])

    def test_the_end_is_a_proper_one(self):
        relay = self.relay()
        for version in VERSIONS:
            with RawClient(relay.https, only(version)) as client:
                client.send(asking.get("/healthz", key=None, fields="Connection: close\r\n"))
                self.assertTrue(client.read_response().complete)
                self.assertEqual(client.ends(), CLOSE_NOTIFY)


class Names(Listener):
    def test_the_name_chooses_the_certificate(self):
        default = certs.server()
        one = certs.authority().issue("one.example", "uno.example")
        wild = certs.authority().issue("*.wild.example", kind="rsa")
        relay = self.relay(default, one, wild)
        context = certs.authority().client_context(verify=False)
        for name, expected in (("localhost", default), ("one.example", one), ("ONE.example", one),
                               ("uno.example", one), ("a.wild.example", wild),
                               ("a.b.wild.example", default), ("wild.example", default),
                               ("unknown.example", default), (None, default)):
            for version in VERSIONS:
                context.minimum_version = context.maximum_version = VERSIONS[version]
                with self.subTest(name=name, version=version):
                    with RawClient(relay.https, context, name=name) as client:
                        served = client.tls.getpeercert(binary_form=True)
                        self.assertEqual(served, der(expected))

    def test_alpn(self):
        relay = self.relay()
        for version in VERSIONS:
            for offered, chosen in ((("http/1.1",), "http/1.1"), (("h2", "http/1.1"), "http/1.1"),
                                    ((), None)):
                with self.subTest(version=version, offered=offered):
                    with RawClient(relay.https, only(version, offered)) as client:
                        self.assertEqual(client.tls.selected_alpn_protocol(), chosen)
                        client.send(ALIVE)
                        self.assertEqual(client.read_response().status, 200)
            with self.subTest(version=version, offered=("h2",)):
                with self.assertRaises((ssl.SSLError, Ended)):
                    with RawClient(relay.https, only(version, ("h2",))) as client:
                        client.send(ALIVE)
                        client.read_some()
        self.alive(relay)


class Resumption(Listener):
    def test_clients_resume_on_every_worker(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                relay = self.relay(workers=4)
                context = only(version)
                with RawClient(relay.https, context) as client:
                    client.send(ALIVE)
                    client.read_response()  # in 1.3 the ticket comes with it
                    self.assertFalse(client.tls.session_reused)
                    session = client.tls.session
                for _ in range(24):
                    with RawClient(relay.https, context, session=session) as client:
                        self.assertTrue(client.tls.session_reused)
                        client.send(ALIVE)
                        self.assertEqual(client.read_response().status, 200)
                        session = client.tls.session

    def test_a_ticket_of_another_process_costs_a_full_handshake_and_no_more(self):
        context = certs.authority().client_context()
        with RawClient(self.relay().https, context) as client:
            client.send(ALIVE)
            client.read_response()
            session = client.tls.session
        with RawClient(self.relay().https, context, session=session) as client:
            self.assertFalse(client.tls.session_reused)
            client.send(ALIVE)
            self.assertEqual(client.read_response().status, 200)


class NotTls(Listener):
    def end_of(self, client: RawClient) -> bytes:
        """All that comes until the connection ends, in whatever way."""
        return client.read_to_end()[0]

    def test_plain_http_and_garbage_end_the_connection_and_nothing_else(self):
        relay = self.relay()
        hello = client_hello()
        broken = bytearray(hello)
        broken[20:60] = b"\xff" * 40
        wrong_version = hello[:1] + b"\x09\x09" + hello[3:]
        for data in (ALIVE, b"\x00" * 100, os.urandom(1000),
                     b"\x16\x03\x01\xff\xff" + b"z" * 70_000,
                     bytes(broken), wrong_version, hello + os.urandom(200), hello[:10] + hello,
                     b"\x15\x03\x03\x00\x02\x02\x28", b"\x80\x2e\x01\x03\x01"):
            with self.subTest(data=data[:16]):
                with RawClient(relay.https) as client:
                    try:
                        client.send(data)
                        client.finish_sending()
                    except OSError:
                        pass  # it was ended in the middle of the garbage
                    self.assertNotIn(b"HTTP/1.1 200", self.end_of(client))
                self.alive(relay)
        relay.wait_for_metric(lambda m: m.sum("culvert_refused_total", reason="tls_handshake") > 0)
        self.assertEqual(relay.wait_for_metric(
            lambda m: m.sum("culvert_client_connections") == 0).sum("culvert_active_requests"), 0)

    def test_half_handshakes_time_out(self):
        relay = self.relay(client_timeouts={"handshake": "300ms"})
        hello = client_hello()
        clients = []
        for length in (0, 1, 5, len(hello) // 2, len(hello) - 1, len(hello)):
            client = self.enterContext(RawClient(relay.https))
            clients.append(client.send(hello[:length]))
        for client in clients:
            self.end_of(client)
        relay.wait_for_metric(lambda m: m.sum(
            "culvert_refused_total", reason="handshake_timeout") == len(clients))
        self.alive(relay)

    def test_clients_that_leave_in_the_middle_of_a_handshake(self):
        relay = self.relay()
        hello = client_hello()
        for number in range(60):
            client = RawClient(relay.https)
            client.send(hello[:1 + number * len(hello) // 60])
            client.reset() if number % 2 else client.close()
        self.alive(relay)
        relay.wait_for_metric(lambda m: m.sum("culvert_client_connections") == 0)


class Parallel(Listener):
    def test_two_hundred_handshakes_while_a_stream_flows(self):
        """The upstream sends an event as soon as the client has read the last, for as long as the
        handshakes run."""
        handshakes_over = threading.Event()
        read = threading.Semaphore(0)

        def script(connection):
            connection.recv_request()
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                            "Transfer-Encoding: chunked\r\n\r\n")
            while not handshakes_over.is_set():
                connection.send(b"17\r\ndata: {\"choices\": []}\n\n\r\n")
                if not read.acquire(timeout=HANG_GUARD_SECONDS):
                    raise AssertionError("the client never read the event")
            connection.send(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
            connection.recv_end()

        upstream = self.enterContext(RawUpstream(script))
        relay = self.relay(certs.server("rsa"), more=(
            settings.upstream("openai", upstream.url, dialect="openai"),))
        context = certs.authority().client_context()
        failures = []

        def handshake(_) -> None:
            try:
                self.alive(relay, context)
            except BaseException as error:  # noqa: BLE001 - counted below
                failures.append(error)

        def all_handshakes() -> None:
            with ThreadPoolExecutor(200) as clients:
                list(clients.map(handshake, range(200)))
            handshakes_over.set()

        with RawClient(relay.https, context) as client:
            client.send(asking.post())
            self.assertEqual(client.read_head().status, 200)
            storm = threading.Thread(target=all_handshakes)
            storm.start()
            events, longest, last = 0, 0.0, time.monotonic()
            while chunk := client.read_chunk():
                now = time.monotonic()
                events, longest, last = events + 1, max(longest, now - last), now
                self.assertTrue(chunk.endswith(b"\n\n"))
                read.release()
            storm.join(HANG_GUARD_SECONDS)
        print(f"\n  200 handshakes at once, {len(failures)} failed; a stream had {events} events "
              f"meanwhile, the longest pause {longest * 1000:.0f} ms", flush=True)
        self.assertEqual(failures, [])
        self.assertGreater(events, 20)

    def test_slow_clients_in_the_handshake_hold_nobody_up(self):
        """More half handshakes than the pool has threads."""
        relay = self.relay(client_timeouts={"handshake": "60s"})
        hello = client_hello()
        for _ in range(100):
            self.enterContext(RawClient(relay.https)).send(hello)
        for _ in range(10):
            self.alive(relay)

    def test_a_hello_byte_by_byte(self):
        relay = self.relay()
        raw = socket.create_connection(tuple(relay.https.rsplit(":", 1)), HANG_GUARD_SECONDS)
        self.addCleanup(raw.close)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = certs.authority().client_context().wrap_bio(incoming, outgoing,
                                                          server_hostname="localhost")

        def run(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    data = outgoing.read()
                    for n in range(len(data)):
                        raw.send(data[n:n + 1])
                    incoming.write(raw.recv(65536))

        run(tls.do_handshake)
        tls.write(ALIVE)
        self.assertIn(b"HTTP/1.1 200", run(lambda: tls.read(65536)))


class Upstreams(unittest.TestCase):
    def test_sessions_with_upstreams_are_resumed(self):
        """Each answer ends its connection, so that each request needs a handshake."""
        for version in VERSIONS:
            with self.subTest(version=version):
                models = self.enterContext(Models(certs.server(), arguments=["--tls", version]))
                models.behave(connection_close=True)
                relay = Relay.for_test(self, {
                    "PROXY_OPENAI_TARGET": models.url, "CULVERT_WORKERS": "1",
                    "SSL_CERT_FILE": certs.authority().ca_file})
                for _ in range(6):
                    answer = exchange(relay.http, asking.post())
                    self.assertEqual((answer.status, answer.ended), (200, "complete"))
                metrics = relay.metrics()
                name = "culvert_upstream_tls_handshakes_total"
                self.assertEqual(metrics.sum(name, kind="full", upstream="openai"), 1)
                self.assertEqual(metrics.sum(name, kind="resumed", upstream="openai"), 5)
                seen = [c["tls"] for c in models.connections()]
                self.assertEqual({t["version"] for t in seen}, {f"TLSv{version}"})
                self.assertEqual([t["resumed"] for t in seen], [False] + [True] * 5)
                self.assertEqual({t["server_name"] for t in seen if not t["resumed"]},
                                 {"localhost"})

    def test_many_new_connections_at_once(self):
        """Tickets, answers and ends arrive in every mixture; each answer comes whole."""
        for version in VERSIONS:
            with self.subTest(version=version):
                models = self.enterContext(Models(certs.server(), arguments=["--tls", version]))
                models.behave(connection_close=True)
                relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": models.url,
                                              "SSL_CERT_FILE": certs.authority().ca_file})
                with ThreadPoolExecutor(32) as clients:
                    answers = list(clients.map(lambda _: exchange(relay.http, asking.post()),
                                               range(200)))
                self.assertEqual({(a.status, a.ended) for a in answers}, {(200, "complete")})
                self.assertEqual(len({a.body for a in answers}), 1)

    def test_wrong_certificates_are_never_accepted(self):
        for what in (certs.expired, certs.wrong_host, certs.untrusted, certs.self_signed):
            with self.subTest(what=what.__name__):
                models = self.enterContext(Models(what()))
                relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": models.url,
                                              "SSL_CERT_FILE": certs.authority().ca_file})
                answer = exchange(relay.http, asking.post())
                self.assertEqual((answer.status, answer.get("x-proxy-stage")), (502, "tls"))
                self.assertEqual(models.requests(), [])
                line = relay.wait_for_log()[0]
                self.assertEqual((line["outcome"], line["stage"]), ("upstream_error", "tls"))

    def test_an_upstream_that_stalls_in_the_handshake(self):
        models = self.enterContext(Models(certs.server()))
        models.behave(on="accept", stall="accept")
        relay = Relay.for_test(self, {"PROXY_OPENAI_TARGET": models.url, "SSL_CERT_FILE":
                                      certs.authority().ca_file, "CULVERT_TIMEOUT_TLS": "200ms"})
        answer = exchange(relay.http, asking.post())
        self.assertEqual((answer.status, answer.get("x-proxy-stage")), (504, "tls"))


if __name__ == "__main__":
    unittest.main()
