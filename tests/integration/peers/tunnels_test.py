# Tunnels and WebSockets that leave by another relay.
import socket
import threading
import unittest

from tests.fakes.tls_socket import FIN, RESET
from tests.integration.peers.support import PeerCase, document
from tests.integration.tunnels.support import (
    Destination, connect, read_exactly, read_to_end, reset)

LISTEN = "tcp://127.0.0.1:0"


class Tunnels(PeerCase):
    """The tunnel is applied to all, and only the near one opens its listener."""

    def tunnel(self, serve=None, **spec):
        self.destination = Destination(self, serve)
        near, far = self.near(), self.far()
        self.control.apply(document("Tunnel", "t", listen=LISTEN, via="us-east",
                                    to=f"tcp://{self.destination.address}",
                                    **{"relays": {"regions": ["eu-west"]}, **spec}))
        self.control.apply(document("Tunnel", "known", names=["known.example"],
                                    to=f"tcp://{self.destination.address}"))
        near.wait_for_message("listening", scheme="tcp")
        self.settle(near, far)
        return near, far

    def open(self, near) -> socket.socket:
        made = connect(near.addresses("tcp")[0])
        self.addCleanup(made.close)
        return made

    def test_bytes_come_as_they_went(self):
        near, far = self.tunnel()
        client = self.open(near)
        sent = bytes(range(256)) * 20_000
        sender = threading.Thread(target=client.sendall, args=(sent,))
        sender.start()
        self.assertEqual(read_exactly(client, len(sent)), sent)
        sender.join()
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_to_end(client), (b"", FIN))
        line = near.wait_for_log(count=1)[0]
        self.assertEqual((line["outcome"], line["bytes_in"], line["bytes_out"]),
                         ("ok", len(sent), len(sent)))
        told = far.wait_for_log(count=1)[0]
        self.assertEqual((told["mode"], told["outcome"], told["bytes_in"], told["bytes_out"]),
                         ("peer", "ok", len(sent), len(sent)))

    def test_a_destination_that_speaks_first_is_heard(self):
        near, _ = self.tunnel(lambda link: link.sendall(b"220 hello\r\n"))
        for _ in range(5):  # also over connections that had waited
            self.assertEqual(read_to_end(self.open(near)), (b"220 hello\r\n", FIN))

    def test_half_a_close_is_kept(self):
        def answer_at_the_end(link):
            data, _ = read_to_end(link)
            link.sendall(b"heard " + data)

        near, _ = self.tunnel(answer_at_the_end)
        client = self.open(near)
        client.sendall(b"all of it")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_to_end(client), (b"heard all of it", FIN))

    def test_a_reset_of_the_client_reaches_the_destination(self):
        ended = []
        came = threading.Event()

        def serve(link):
            ended.append(read_to_end(link)[1])
            came.set()

        near, _ = self.tunnel(serve)
        client = self.open(near)
        client.sendall(b"x")
        near.wait_for_metric(lambda m: m.sum("culvert_tunnel_active", tunnel="t") == 1)
        reset(client)
        self.assertTrue(came.wait(60))
        self.assertEqual(ended, [RESET])

    def test_a_reset_of_the_destination_reaches_the_client(self):
        near, _ = self.tunnel(reset)
        self.assertEqual(read_to_end(self.open(near))[1], RESET)

    def test_a_proxy_header_names_the_client_of_the_near_relay(self):
        heads = []

        def serve(link):
            heads.append(link.recv(200))

        near, _ = self.tunnel(serve, proxy_protocol="v1")
        client = self.open(near)
        host, port = client.getsockname()
        client.sendall(b"hello")
        read_to_end(client)
        self.assertTrue(heads[0].startswith(f"PROXY TCP4 {host} 127.0.0.1 {port} ".encode()),
                        heads)


if __name__ == "__main__":
    unittest.main()
