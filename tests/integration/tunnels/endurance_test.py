# Much through tunnels: many that are idle, many bytes through one of each kind, and through one
# whose reader is slow; memory stays flat.
import contextlib
import hashlib
import json
import os
import resource
import socket
import threading
import unittest

from tests.fakes import certs
from tests.fakes.relay import sanitized
from tests.fakes.tls_socket import FIN, TlsSocket, receive
from tests.integration.http.support import TOKEN
from tests.integration.tunnels.support import (
    Destination, TunnelCase, connect, hello_of, read_exactly, read_to_end, rss_kib, tunnel)
from tests.integration.tunnels.upgrade import agreement, opening

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


def agreeing(serve):
    """Behind an agreement to a WebSocket; what follows is bytes to the relay."""
    def script(link):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += read_exactly(link, 1)
        link.sendall(agreement(head))
        serve(link)
    return script


class Endurance(TunnelCase):
    def send(self, link) -> bytes:
        digest = hashlib.sha256()
        for _ in range(THROUGH // MIB):
            link.sendall(BLOCK)
            digest.update(BLOCK)
        return digest.digest()

    def to_plain(self, address: str, head: bytes = b"") -> socket.socket:
        """Connected, and where a head is sent an answer of the relay's or the upstream's read."""
        link = connect(address)
        if head:
            link.sendall(head)
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += read_exactly(link, 1)
            self.assertIn(answer.split()[1], (b"101", b"200"), answer)
        return link

    def to_tls(self, address: str, name: str) -> TlsSocket:
        return TlsSocket(connect(address), certs.authority().client_context(alpn=()), name=name)

    def check_flat(self, kind: str, relay, link, digests: list) -> None:
        before = rss_kib(relay.pid)
        sent = self.send(link)
        if isinstance(link, TlsSocket):
            link.close_notify()
        else:
            link.shutdown(socket.SHUT_WR)
        self.assertEqual(receive(link), b".")
        grown = rss_kib(relay.pid) - before
        print(f"{kind}: {THROUGH // MIB} MiB, memory grew by {grown} KiB")
        if not sanitized():  # whose own memory grows
            self.assertLess(grown, 4096)
        self.assertEqual(digests.pop(), (THROUGH, sent))

    def test_much_goes_through_in_little_memory(self):
        shown, digests = certs.authority().issue("localhost", "a.example"), []
        plain = Destination(self, swallow(digests))
        sealed = Destination(self, swallow(digests), shown.server_context(alpn=()))
        webs = Destination(self, agreeing(swallow(digests)))
        relay = self.relay(
            json.dumps({"kind": "Relay", "name": "r", "spec": {
                "connect": {"ports": [plain.port]}, "generic_allow": ["127.0.0.0/8"]}}),
            tunnel("plain", listen="tcp://127.0.0.1:0", to=f"tcp://{plain.address}"),
            tunnel("ends", listen="tcp://127.0.0.2:0", to=f"tcp://{plain.address}",
                   client_tls={"certificates": [{"cert": shown.cert, "key": shown.key}]}),
            tunnel("begins", listen="tcp://127.0.0.3:0", to=f"tls://{sealed.address}",
                   tls={"ca_file": certs.authority().ca_file, "server_name": "localhost"}),
            tunnel("name", names=["a.example"], to=f"tcp://{sealed.address}"), AUTH_TOKEN=TOKEN)
        address = {line["tunnel"]: line["address"] for line in relay.log
                   if line.get("scheme") in ("tcp", "tls")}
        proxy = (f"CONNECT {plain.address} HTTP/1.1\r\nHost: {plain.address}\r\n"
                 f"Proxy-Authorization: Bearer {TOKEN}\r\n\r\n").encode()
        kinds = {
            "TCP": lambda: self.to_plain(address["plain"]),
            "TLS of the client": lambda: self.to_tls(address["ends"], "localhost"),
            "TLS of the destination": lambda: self.to_plain(address["begins"]),
            "TLS by name": lambda: self.to_tls(address[""], "a.example"),
            "CONNECT": lambda: self.to_plain(relay.http, proxy),
            "WebSocket": lambda: self.to_plain(
                relay.http, opening(f"/{TOKEN}/ws/{webs.address}/x")),
        }
        for kind, make in kinds.items():
            with self.subTest(kind):
                with contextlib.closing(make()) as link:
                    self.check_flat(kind, relay, link, digests)

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
