# TCP tunnels on the wire: bytes both ways, half-close, aborts, TLS at either side with client
# certificates both ways, bounds and timers, reloads, drain, log, metrics and usage.
import hashlib
import os
import queue
import random
import signal
import socket
import ssl
import threading
import time
import unittest

from tests.fakes import certs
from tests.fakes.child import HANG_GUARD_SECONDS
from tests.fakes.relay import run_once
from tests.fakes.tls_socket import CLOSE_NOTIFY, FIN, RESET, Ended, TlsSocket, receive
from tests.integration.tunnels.support import (
    Destination, TunnelCase, connect, read_exactly, read_to_end, reset, s_client, told,
    tunnel)

TCP = "tcp://127.0.0.1:0"


class Plain(TunnelCase):
    def open(self, relay) -> socket.socket:
        made = connect(relay.addresses("tcp")[0])
        self.addCleanup(made.close)
        return made

    def one(self, serve=None, **spec):
        """A relay with one tunnel to a destination that serves so."""
        self.destination = Destination(self, serve)
        return self.relay(tunnel("t", listen=TCP, to=f"tcp://{self.destination.address}", **spec))

    def test_bytes_come_as_they_went(self):
        relay = self.one()
        client = self.open(relay)
        sent = os.urandom(3_000_000)
        sender = threading.Thread(target=client.sendall, args=(sent,))
        sender.start()
        self.assertEqual(read_exactly(client, len(sent)), sent)
        sender.join()
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_to_end(client), (b"", FIN))
        line = relay.wait_for_log()[0]
        self.assertEqual((line["mode"], line["upstream"], line["outcome"], line["bytes_in"],
                          line["bytes_out"]), ("tunnel", "tunnel/t", "ok", len(sent), len(sent)))
        relay.wait_for_metric(lambda m: m.sum(
            "culvert_tunnel_connections_total", tunnel="t", outcome="ok") == 1)
        metrics = relay.metrics()
        self.assertEqual(metrics.sum("culvert_tunnel_bytes_total", direction="in"), len(sent))
        self.assertEqual(metrics.sum("culvert_tunnel_bytes_total", direction="out"), len(sent))
        self.assertEqual(metrics.sum("culvert_tunnel_active", tunnel="t"), 0)

    def test_who_speaks_first_does_not_matter(self):
        relay = self.one(lambda link: link.sendall(b"220 hello\r\n"))
        self.assertEqual(read_to_end(self.open(relay)), (b"220 hello\r\n", FIN))

    def test_a_client_that_has_ended_still_gets_the_answer(self):
        asked = []

        def serve(link):
            data, how = read_to_end(link)
            asked.append((data, how))
            for piece in range(100):
                link.sendall(b"%04d" % piece * 1000)

        relay = self.one(serve)
        client = self.open(relay)
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        answer, how = read_to_end(client)
        self.assertEqual((len(answer), how), (400_000, FIN))
        self.assertEqual(asked, [(b"question", FIN)])

    def test_a_destination_that_has_ended_still_hears(self):
        heard = queue.Queue()

        def serve(link):
            link.sendall(b"that is all")
            link.shutdown(socket.SHUT_WR)
            heard.put(read_to_end(link))

        relay = self.one(serve)
        client = self.open(relay)
        self.assertEqual(read_to_end(client), (b"that is all", FIN))
        client.sendall(b"thank you" * 100_000)
        client.shutdown(socket.SHUT_WR)
        data, how = heard.get(timeout=HANG_GUARD_SECONDS)
        self.assertEqual((len(data), how), (900_000, FIN))
        self.assertEqual(relay.wait_for_log()[0]["outcome"], "ok")

    def test_an_abort_is_passed_on(self):
        ended = []
        gone = threading.Event()

        def serve(link):
            try:
                while True:
                    receive(link)
            except Ended as end:
                ended.append(end.how)
            gone.set()

        relay = self.one(serve)
        client = self.open(relay)
        client.sendall(b"half")
        reset(client)
        self.assertTrue(gone.wait(HANG_GUARD_SECONDS))
        self.assertEqual(ended, [RESET])
        self.assertEqual(relay.wait_for_log()[0]["outcome"], "aborted")

    def test_an_abort_of_the_destination_comes_behind_its_bytes(self):
        data = os.urandom(200_000)

        def serve(link):
            receive(link)
            link.sendall(data)
            self.may_reset.wait(HANG_GUARD_SECONDS)
            reset(link)

        self.may_reset = threading.Event()
        relay = self.one(serve)
        client = self.open(relay)
        client.sendall(b"?")
        self.assertEqual(read_exactly(client, len(data)), data)
        self.may_reset.set()
        self.assertEqual(read_to_end(client), (b"", RESET))
        self.assertEqual(relay.wait_for_log()[0]["outcome"], "truncated")

    def test_random_aborts_leave_nothing_behind(self):
        def serve(link):
            try:
                while True:
                    data = receive(link)
                    if data[0] % 16 == 0:
                        return reset(link)
                    if data[0] % 16 == 1:
                        return
                    link.sendall(data)
            except Ended:
                pass

        relay = self.one(serve)
        chance = random.Random(6)
        for _ in range(300):
            client = connect(relay.addresses("tcp")[0])
            try:
                for _ in range(chance.randrange(4)):
                    client.sendall(chance.randbytes(chance.choice((1, 100, 100_000))))
                if chance.randrange(2):
                    client.settimeout(0.001)
                    receive(client)
            except (OSError, Ended):
                pass
            if chance.randrange(2):
                reset(client)
            else:
                client.close()
        relay.wait_for_log(lambda line: line["mode"] == "tunnel", count=300)
        relay.wait_for_metric(lambda m: m.sum("culvert_client_connections") == 0
                              and m.sum("culvert_tunnel_active") == 0)

    def test_no_destination_is_a_reset(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        relay = self.relay(tunnel("t", listen=TCP, to=f"tcp://127.0.0.1:{port}"))
        self.assertEqual(told(relay.addresses("tcp")[0]), (b"", RESET))
        line = relay.wait_for_log()[0]
        self.assertEqual((line["outcome"], line["stage"]), ("upstream_error", "connect"))
        self.assertEqual(relay.metrics().sum("culvert_tunnel_refused_total", tunnel="t",
                                             reason="connect_failed"), 1)

    def test_silence_ends_a_tunnel(self):
        relay = self.one(timeouts={"idle": "300ms"})
        client = self.open(relay)
        client.sendall(b"x")
        self.assertEqual(read_to_end(client), (b"x", FIN))
        self.assertIn("no byte", relay.wait_for_log()[0]["error"])

    def test_a_tunnel_has_its_time(self):
        relay = self.one(timeouts={"total": "300ms"})
        client = self.open(relay)
        try:
            while True:
                client.sendall(b"x")
                receive(client)
        except (Ended, OSError):
            pass
        self.assertIn("too long", relay.wait_for_log()[0]["error"])

    def test_a_tunnel_takes_its_connections_and_no_more(self):
        relay = self.one(connections=2)
        kept = [self.open(relay) for _ in range(2)]
        for client in kept:
            client.sendall(b"x")
            self.assertEqual(receive(client), b"x")
        self.assertEqual(told(relay.addresses("tcp")[0]), (b"", RESET))
        kept[0].close()
        relay.wait_for_metric(lambda m: m.sum("culvert_tunnel_active") == 1)
        again = self.open(relay)
        again.sendall(b"y")
        self.assertEqual(receive(again), b"y")

    def test_usage_is_recorded(self):
        destination = Destination(self)
        relay = self.relay(
            '{"kind": "Relay", "name": "r", "spec": {"usage": {"spool": true}}}',
            tunnel("t", listen=TCP, to=f"tcp://{destination.address}", tenant="ops"))
        client = self.open(relay)
        client.sendall(b"abc")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_to_end(client), (b"abc", FIN))
        line = relay.wait_for_log()[0]
        self.assertEqual((line["usage"], line["tenant"]), ("delivered", "ops"))
        relay.wait_for_metric(lambda m: m.sum("culvert_usage_spool_records") == 1)

    def test_tunnels_follow_the_configuration(self):
        relay = self.one()
        held = self.open(relay)
        held.sendall(b"x")
        self.assertEqual(receive(held), b"x")
        other = Destination(self, lambda link: link.sendall(b"other"))
        first = relay.addresses("tcp")[0]
        relay.write_config(
            tunnel("t", listen=TCP, to=f"tcp://{other.address}") + "\n---\n" +
            tunnel("new", listen="tcp://127.0.0.2:0", to=f"tcp://{other.address}") + "\n")
        relay.sighup()
        added = relay.wait_for_message("listening", tunnel="new")[0]["address"]
        self.assertEqual(read_to_end(connect(added)), (b"other", FIN))
        self.assertEqual(read_to_end(connect(first)), (b"other", FIN))
        held.sendall(b"still")
        self.assertEqual(read_exactly(held, 5), b"still")
        relay.write_config(tunnel("t", listen=TCP, to=f"tcp://{other.address}") + "\n")
        relay.sighup()
        relay.wait_for_message("a tunnel's listener is closed", address=added)
        until = time.monotonic() + HANG_GUARD_SECONDS
        with self.assertRaises(OSError):
            while time.monotonic() < until:  # a worker may still be about to close its socket
                connect(added).close()

    def test_a_drain_waits_for_tunnels_and_then_ends_them(self):
        destination = Destination(self)
        relay = self.relay(tunnel("t", listen=TCP, to=f"tcp://{destination.address}"),
                           CULVERT_DRAIN_TIMEOUT="60s")
        first, second = self.open(relay), self.open(relay)
        for client in (first, second):
            client.sendall(b"x")
            self.assertEqual(receive(client), b"x")
        relay.terminate()
        relay.wait_for_message("draining")
        first.sendall(b"goes on")
        self.assertEqual(read_exactly(first, 7), b"goes on")
        first.shutdown(socket.SHUT_WR)
        self.assertEqual(read_to_end(first), (b"", FIN))
        relay.process.send_signal(signal.SIGTERM)  # the second one: at once
        self.assertEqual(read_to_end(second), (b"", FIN))
        self.assertEqual(relay.wait_exit(), 0)
        self.assertIn("the relay ended", [line.get("error") for line in relay.access_log])

    def test_the_drain_timeout_ends_a_tunnel(self):
        destination = Destination(self)
        relay = self.relay(tunnel("t", listen=TCP, to=f"tcp://{destination.address}"),
                           CULVERT_DRAIN_TIMEOUT="200ms")
        client = self.open(relay)
        client.sendall(b"x")
        self.assertEqual(receive(client), b"x")
        relay.terminate()
        self.assertEqual(read_to_end(client), (b"", FIN))
        self.assertEqual(relay.wait_exit(), 0)

    def test_bad_tunnels_are_refused_with_their_line(self):
        path = os.path.join(self.folder(), "relay.yaml")
        with open(path, "w") as file:
            file.write("kind: Tunnel\nname: t\nspec:\n  listen: tcp://127.0.0.1:1\n  to: db:1\n")
        done = run_once("--config", path, "--check")
        self.assertEqual(done.returncode, 2)
        self.assertIn("relay.yaml:5: ", done.stderr)
        self.assertIn("allowed are tcp://HOST:PORT", done.stderr)


class Tls(TunnelCase):
    def client_context(self, shown: certs.Certificate | None = None) -> ssl.SSLContext:
        context = certs.authority().client_context(alpn=())
        if shown:
            context.load_cert_chain(shown.cert, shown.key)
        return context

    def certificate(self, which: certs.Certificate) -> dict:
        return {"cert": which.cert, "key": which.key}

    def test_tls_of_the_client_ends_here(self):
        destination = Destination(self)
        relay = self.relay(tunnel(
            "t", listen=TCP, to=f"tcp://{destination.address}",
            client_tls={"certificates": [self.certificate(certs.server())]}))
        link = TlsSocket(connect(relay.addresses("tcp")[0]), self.client_context(),
                         name="localhost")
        data = os.urandom(300_000)
        sender = threading.Thread(target=link.sendall, args=(data,))
        sender.start()
        sender.join()
        self.assertEqual(read_exactly(link, len(data)), data)
        link.close_notify()
        self.assertEqual(read_to_end(link), (b"", CLOSE_NOTIFY))
        self.assertEqual(relay.wait_for_log()[0]["outcome"], "ok")

    def test_any_protocol_may_be_asked_for(self):
        destination = Destination(self)
        relay = self.relay(tunnel(
            "t", listen=TCP, to=f"tcp://{destination.address}",
            client_tls={"certificates": [self.certificate(certs.server())]}))
        context = certs.authority().client_context(alpn=("h2", "postgresql"))
        link = TlsSocket(connect(relay.addresses("tcp")[0]), context, name="localhost")
        link.sendall(b"x")
        self.assertEqual(receive(link), b"x")
        self.assertIsNone(link.tls.selected_alpn_protocol())

    def test_an_end_without_close_notify_is_no_end(self):
        ended = []
        gone = threading.Event()

        def serve(link):
            try:
                while True:
                    receive(link)
            except Ended as end:
                ended.append(end.how)
            gone.set()

        destination = Destination(self, serve)
        relay = self.relay(tunnel(
            "t", listen=TCP, to=f"tcp://{destination.address}",
            client_tls={"certificates": [self.certificate(certs.server())]}))
        for said in (b"half", b""):
            link = TlsSocket(connect(relay.addresses("tcp")[0]), self.client_context(),
                             name="localhost")
            if said:
                link.sendall(said)
            link.plain.shutdown(socket.SHUT_WR)
            self.assertTrue(gone.wait(HANG_GUARD_SECONDS))
            gone.clear()
        self.assertEqual(ended, [RESET, RESET])

    def test_client_certificates_are_demanded(self):
        destination = Destination(self)
        good = certs.authority().issue("client")
        relay = self.relay(tunnel(
            "t", listen=TCP, to=f"tcp://{destination.address}",
            client_tls={"certificates": [self.certificate(certs.server())],
                        "client_ca_file": certs.authority().ca_file}))
        address = relay.addresses("tcp")[0]
        link = TlsSocket(connect(address), self.client_context(good), name="localhost")
        link.sendall(b"x")
        self.assertEqual(receive(link), b"x")
        stranger = certs.stranger().issue("client")
        for shown in (None, stranger):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = self.client_context(shown)
                context.maximum_version = version
                with self.subTest(shown=shown, version=version):
                    with self.assertRaises((ssl.SSLError, Ended, OSError)):
                        refused = TlsSocket(connect(address), context, name="localhost")
                        refused.sendall(b"x")
                        receive(refused)
        relay.wait_for_metric(lambda m: m.sum("culvert_tunnel_refused_total", tunnel="t",
                                              reason="tls_failed") == 4)
        self.assertEqual(destination.failures, [])

    def test_a_ticket_of_another_listener_is_no_certificate(self):
        destination = Destination(self)
        good = certs.server()
        relay = self.relay(
            tunnel("t", listen=TCP, to=f"tcp://{destination.address}",
                   client_tls={"client_ca_file": certs.authority().ca_file}),
            CULVERT_LISTEN="https://127.0.0.1:0", CULVERT_TLS_CERT=good.cert,
            CULVERT_TLS_KEY=good.key)
        context = certs.authority().client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # its sessions are there at once
        first = TlsSocket(connect(relay.https), context, name="localhost")
        session = first.tls.session
        self.assertTrue(session.has_ticket)
        with self.assertRaises((ssl.SSLError, Ended, OSError)):
            second = TlsSocket(connect(relay.addresses("tcp")[0]), context, name="localhost",
                               session=session)
            second.sendall(b"x")
            receive(second)

    def test_tls_towards_the_destination_with_a_certificate_of_ours(self):
        server = certs.server().server_context(alpn=())
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_verify_locations(certs.authority().ca_file)
        destination = Destination(self, tls=server)
        shown = certs.authority().issue("the relay")
        trust = {"ca_file": certs.authority().ca_file, "server_name": "localhost"}
        to = f"tls://{destination.address}"
        relay = self.relay(
            tunnel("with", listen=TCP, to=to,
                   tls=trust | {"certificate": self.certificate(shown)}),
            tunnel("without", listen="tcp://127.0.0.2:0", to=to, tls=trust),
            tunnel("wrong", listen="tcp://127.0.0.3:0", to=to,
                   tls=trust | {"server_name": "elsewhere.example"}),
            tunnel("untrusted", listen="tcp://127.0.0.4:0", to=to,
                   tls={"server_name": "localhost"}))
        address = {line["tunnel"]: line["address"] for line in relay.log
                   if line.get("scheme") == "tcp"}
        client = connect(address["with"])
        client.sendall(b"through")
        self.assertEqual(read_exactly(client, 7), b"through")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_to_end(client), (b"", FIN))
        for name in ("without", "wrong", "untrusted"):
            with self.subTest(name):
                self.assertEqual(told(address[name], b"x"), (b"", RESET))

    def test_openssl_on_both_sides(self):
        port = self.openssl_server()
        relay = self.relay(tunnel(
            "t", listen=TCP, to=f"tls://127.0.0.1:{port}",
            tls={"ca_file": certs.authority().ca_file, "server_name": "localhost",
                 "min_version": "tls13"},
            client_tls={"certificates": [self.certificate(certs.server())]}))
        for words in (("-tls1_2",), ("-tls1_3",)):
            said = s_client(relay.addresses("tcp")[0], "-servername", "localhost", *words)
            self.assertIn(b"200 ok", said)
            self.assertIn(b"Verify return code: 0 (ok)", said)

    def test_certificates_are_read_again(self):
        destination = Destination(self)
        old, new = certs.authority().issue("localhost"), certs.authority().issue("localhost")
        folder = self.folder()
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")

        def install(which):
            for source, target in ((which.cert, cert), (which.key, key)):
                with open(source, "rb") as file, open(target + ".new", "wb") as out:
                    out.write(file.read())
                os.replace(target + ".new", target)

        def shown(relay) -> bytes:
            link = TlsSocket(connect(relay.addresses("tcp")[0]), self.client_context(),
                             name="localhost")
            return hashlib.sha256(link.tls.getpeercert(True)).digest()

        install(old)
        relay = self.relay(tunnel("t", listen=TCP, to=f"tcp://{destination.address}",
                                  client_tls={"certificates": [{"cert": cert, "key": key}]}))
        before = shown(relay)
        install(new)
        relay.wait_for_message("certificates reloaded")
        after = before
        until = time.monotonic() + HANG_GUARD_SECONDS
        while after == before and time.monotonic() < until:  # each worker takes it in its turn
            after = shown(relay)
        self.assertNotEqual(before, after)


if __name__ == "__main__":
    unittest.main()
