# Much through tunnels: many that are idle, and many bytes through one while its reader is slow;
# memory stays flat. CULVERT_TUNNEL_MIB sets how much goes through (1024 by hand).
import hashlib
import os
import resource
import socket
import threading
import unittest

from tests.fakes import certs
from tests.fakes.relay import sanitized
from tests.fakes.tls_socket import FIN, TlsSocket, receive
from tests.integration.tunnels.support import (
    Destination, TunnelCase, connect, hello_of, read_exactly, read_to_end, rss_kib, tunnel)

MIB = 1 << 20
THROUGH = int(os.environ.get("CULVERT_TUNNEL_MIB", "256")) * MIB
IDLE = 200 if sanitized() else 2000
GROWTH = 16 if sanitized() else 1
BLOCK = os.urandom(MIB)


def swallow(digests: list):
    """Reads to the end, and says by one byte that it has."""
    def serve(link):
        digest, count = hashlib.sha256(), 0
        while True:
            try:
                data = receive(link, 1 << 18)
            except Exception:
                break
            digest.update(data)
            count += len(data)
        digests.append((count, digest.digest()))
        link.sendall(b".")
    return serve


class Endurance(TunnelCase):
    def send(self, link) -> bytes:
        digest = hashlib.sha256()
        for _ in range(THROUGH // MIB):
            link.sendall(BLOCK)
            digest.update(BLOCK)
        return digest.digest()

    def test_much_goes_through_in_little_memory(self):
        good = certs.server()
        digests = []
        destination = Destination(self, swallow(digests))
        relay = self.relay(
            tunnel("plain", listen="tcp://127.0.0.1:0", to=f"tcp://{destination.address}"),
            tunnel("tls", listen="tcp://127.0.0.2:0", to=f"tcp://{destination.address}",
                   client_tls={"certificates": [{"cert": good.cert, "key": good.key}]}))
        for address in relay.addresses("tcp"):
            with self.subTest(address):
                link = connect(address)
                if address.startswith("127.0.0.2"):
                    link = TlsSocket(link, certs.authority().client_context(alpn=()),
                                     name="localhost")
                before = rss_kib(relay.pid)
                sent = self.send(link)
                if isinstance(link, TlsSocket):
                    link.close_notify()
                else:
                    link.shutdown(socket.SHUT_WR)
                self.assertEqual(receive(link), b".")
                grown = rss_kib(relay.pid) - before
                print(f"{address}: {THROUGH // MIB} MiB, memory grew by {grown} KiB")
                self.assertLess(grown, 4096 * GROWTH)
                self.assertEqual(digests.pop(), (THROUGH, sent))

    def test_a_reader_that_does_not_read_costs_little(self):
        may_read = threading.Event()
        counts = []

        def serve(link):
            may_read.wait(60)
            counts.append(len(read_to_end(link)[0]))
            link.sendall(b".")

        destination = Destination(self, serve)
        relay = self.relay(
            tunnel("t", listen="tcp://127.0.0.1:0", to=f"tcp://{destination.address}"))
        client = connect(relay.addresses("tcp")[0])
        before = rss_kib(relay.pid)
        client.settimeout(0.5)  # without a byte taken, it counts as held back
        sent = 0
        try:
            while sent < 256 * MIB:
                sent += client.send(BLOCK)
        except TimeoutError:
            pass
        self.assertLess(sent, 64 * MIB)
        self.assertLess(rss_kib(relay.pid) - before, 2048 * GROWTH)
        client.settimeout(60)
        may_read.set()
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_to_end(client), (b".", FIN))
        self.assertEqual(counts, [sent])

    def test_idle_tunnels(self):
        most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 2 * IDLE + 500  # both ends of this test; the relay has a limit of its own
        if hard < wanted:
            self.skipTest(f"{wanted} open files are not allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(most, wanted), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (most, hard))
        hello = hello_of("a.example")
        held = threading.Event()
        self.addCleanup(held.set)

        def serve(link):
            link.sendall(read_exactly(link, len(hello)))
            held.wait(600)
            link.sendall(b"end")

        destination = Destination(self, serve)
        relay = self.relay(
            '{"kind": "Relay", "name": "r", "spec": {"limits": '
            '{"connections_per_address": 10000}}}',
            tunnel("a", names=["a.example"], to=f"tcp://{destination.address}"))
        before = rss_kib(relay.pid)
        clients = []
        for _ in range(IDLE):
            client = connect(relay.addresses("tls")[0])
            client.sendall(hello)
            clients.append(client)
        for client in clients:
            self.assertEqual(read_exactly(client, len(hello)), hello)
        relay.wait_for_metric(lambda m: m.sum("culvert_tunnel_active", tunnel="a") == IDLE)
        grown = rss_kib(relay.pid) - before
        print(f"{IDLE} idle tunnels: {grown / IDLE:.1f} KiB each")
        self.assertLess(grown, 20 * IDLE * GROWTH)
        held.set()
        for client in clients:
            self.assertEqual(read_to_end(client), (b"end", FIN))
            client.close()
        relay.wait_for_metric(lambda m: m.sum("culvert_tunnel_active") == 0)


if __name__ == "__main__":
    unittest.main()
