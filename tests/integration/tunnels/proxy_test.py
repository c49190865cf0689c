# The PROXY protocol with those who invented it: HAProxy and nginx in front of the relay and behind
# it, versions 1 and 2; and that nobody else may claim an address.
import socket
import unittest

from tests.fakes import certs
from tests.fakes.tls_socket import FIN, RESET, TlsSocket
from tests.integration.tunnels.support import (
    Destination, TunnelCase, connect, read_exactly, read_to_end, s_client, told, tunnel)

TCP = "tcp://127.0.0.1:0"

# Ends the header and says whom it names.
NGINX_BEHIND = """
server {{
  listen 127.0.0.1:{port} proxy_protocol;
  return "$proxy_protocol_addr $proxy_protocol_server_addr $proxy_protocol_server_port\\n";
}}
"""
NGINX_FRONT = """
server {{ listen 127.0.0.1:{port}; proxy_protocol on; proxy_pass {relay}; }}
"""
HAPROXY_FRONT = """
listen front
  bind 127.0.0.1:{port}
  server relay {relay} {send}
"""
HAPROXY_BEHIND = """
listen behind
  bind 127.0.0.1:{port} accept-proxy
  server echo {echo} send-proxy
"""


class Proxy(TunnelCase):
    def test_nginx_behind_reads_what_is_sent(self):
        port = self.nginx_stream(NGINX_BEHIND)
        relay = self.relay(
            tunnel("one", listen=TCP, to=f"tcp://127.0.0.1:{port}", proxy_protocol="v1"),
            tunnel("two", listen="tcp://127.0.0.2:0", to=f"tcp://127.0.0.1:{port}",
                   proxy_protocol="v2"))
        for address in relay.addresses("tcp"):
            host, _, own = address.rpartition(":")
            client = connect(address, source="127.0.0.9")
            self.assertEqual(read_to_end(client), (f"127.0.0.9 {host} {own}\n".encode(), FIN))

    def test_haproxy_behind_reads_what_is_sent(self):
        """HAProxy passes it on in a header of its own, which tells what it has read."""
        destination = Destination(self, lambda link: link.sendall(link.recv(200)))
        port = self.haproxy(HAPROXY_BEHIND, echo=destination.address)
        relay = self.relay(
            tunnel("one", listen=TCP, to=f"tcp://127.0.0.1:{port}", proxy_protocol="v1"),
            tunnel("two", listen="tcp://127.0.0.2:0", to=f"tcp://127.0.0.1:{port}",
                   proxy_protocol="v2"))
        for address in relay.addresses("tcp"):
            host = address.rpartition(":")[0]
            client = connect(address, source="127.0.0.9")
            client.sendall(b"\n")
            told = f"PROXY TCP4 127.0.0.9 {host} ".encode()
            self.assertEqual(read_exactly(client, len(told)), told)

    def test_haproxy_and_nginx_in_front_tell_the_client(self):
        behind = self.nginx_stream(NGINX_BEHIND)
        relay = self.relay(tunnel(
            "t", listen=TCP, to=f"tcp://127.0.0.1:{behind}", proxy_protocol="v2",
            proxy_protocol_from=["127.0.0.0/8"]))
        address = relay.addresses("tcp")[0]
        fronts = [self.haproxy(HAPROXY_FRONT, relay=address, send=send)
                  for send in ("send-proxy", "send-proxy-v2")]
        fronts.append(self.nginx_stream(NGINX_FRONT, relay=address))
        for port in fronts:
            client = connect(f"127.0.0.1:{port}", source="127.0.0.9")
            self.assertEqual(read_to_end(client), (f"127.0.0.9 127.0.0.1 {port}\n".encode(), FIN))

    def test_a_name_is_chosen_behind_the_header(self):
        server = self.openssl_server()
        relay = self.relay(tunnel(
            "a", listen="tls://127.0.0.2:0", names=["a.example"],
            to=f"tcp://127.0.0.1:{server}", proxy_protocol_from=["127.0.0.1"]),
            '{"kind": "Relay", "name": "r", "spec": {"access_log": {"client_address": "full"}}}')
        own = next(a for a in relay.addresses("tls") if a.startswith("127.0.0.2:"))
        port = self.haproxy(HAPROXY_FRONT, relay=own, send="send-proxy-v2")
        self.assertIn(b"200 ok", s_client(f"127.0.0.1:{port}", "-servername", "a.example",
                                          "-bind", "127.0.0.9:0"))
        line = relay.wait_for_log(lambda line: line["outcome"] == "ok")[0]
        self.assertEqual(line["client"], "127.0.0.9")

    def test_behind_the_header_tls_ends_here(self):
        destination = Destination(self)
        good = certs.server()
        relay = self.relay(tunnel(
            "t", listen=TCP, to=f"tcp://{destination.address}",
            client_tls={"certificates": [{"cert": good.cert, "key": good.key}]},
            proxy_protocol_from=["127.0.0.1"]))
        port = self.haproxy(HAPROXY_FRONT, relay=relay.addresses("tcp")[0], send="send-proxy")
        link = TlsSocket(connect(f"127.0.0.1:{port}"),
                         certs.authority().client_context(alpn=()), name="localhost")
        link.sendall(b"echoed")
        self.assertEqual(read_exactly(link, 6), b"echoed")

    def test_nobody_else_may_claim_an_address(self):
        heard = []
        destination = Destination(self, lambda link: heard.append(read_to_end(link)))
        relay = self.relay(tunnel("t", listen=TCP, to=f"tcp://{destination.address}",
                                  proxy_protocol_from=["127.0.0.9"]))
        header = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
        for source, said in (("127.0.0.8", header), ("127.0.0.9", b"no header\r\n"),
                             ("127.0.0.9", b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n")):
            self.assertEqual(told(relay.addresses("tcp")[0], said, source), (b"", RESET))
        relay.wait_for_metric(lambda m: m.sum("culvert_tunnel_refused_total", tunnel="none") == 3)
        self.assertEqual(heard, [])
        client = connect(relay.addresses("tcp")[0], source="127.0.0.9")
        client.sendall(header + b"through")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_to_end(client), (b"", FIN))
        self.assertEqual(heard, [(b"through", FIN)])

    def test_where_none_is_configured_a_header_is_bytes(self):
        destination = Destination(self)
        relay = self.relay(tunnel("t", listen=TCP, to=f"tcp://{destination.address}"))
        client = connect(relay.addresses("tcp")[0])
        client.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
        self.assertEqual(read_exactly(client, 36), b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")


if __name__ == "__main__":
    unittest.main()
