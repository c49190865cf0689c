# TLS passed through by name: ClientHellos of real clients in every shape, cut at every byte, to
# real servers; names, patterns, the rest; what no tunnel takes; and no plaintext at the relay.
import json
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
import unittest

from tests.fakes import certs
from tests.fakes.child import HANG_GUARD_SECONDS
from tests.fakes.tls_socket import CLOSE_NOTIFY, FIN, RESET, Ended, TlsSocket, receive
from tests.integration.tunnels.support import (
    Destination, TunnelCase, connect, hello_of, read_exactly, read_to_end, s_client, tunnel)

ALERT = {"unexpected_message": 10, "decode_error": 50, "internal_error": 80,
         "unrecognized_name": 112}


def alert(name: str) -> bytes:
    return b"\x15\x03\x03\x00\x02\x02" + bytes([ALERT[name]])


def records_of(message: bytes, size: int) -> bytes:
    return b"".join(b"\x16\x03\x01" + struct.pack(">H", len(message[i:i + size])) +
                    message[i:i + size] for i in range(0, len(message), size))


def split_through(test: unittest.TestCase, address: str, cut) -> str:
    """Listens and passes on what clients say, of which `cut` (bytes to a list of pieces) gives the
    pieces of the first flight; each piece is a segment. The address."""
    server = socket.create_server(("127.0.0.1", 0))
    test.addCleanup(server.close)

    def pump(source, target, first=None):
        try:
            while True:
                data = receive(source)
                pieces = first(data) if first else [data]
                first = None
                for piece in pieces:
                    target.sendall(piece)
        except (Ended, OSError):
            pass
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def carry(client):
        with client, connect(address) as upstream:
            back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
            back.start()
            pump(client, upstream, cut)
            back.join(HANG_GUARD_SECONDS)

    def serve():
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=carry, args=(client,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return f"127.0.0.1:{server.getsockname()[1]}"


class Sni(TunnelCase):
    def names(self, *tunnels, **env):
        relay = self.relay(*tunnels, **env)
        self.address = relay.addresses("tls")[0]
        return relay

    def recorder(self):
        """A destination that keeps what comes, and answers with a word."""
        came = []

        def serve(link):
            came.append(receive(link))
            link.sendall(b"seen")

        made = Destination(self, serve)
        made.came = came
        return made

    def test_openssl_through_the_relay_to_openssl(self):
        port = self.openssl_server()
        relay = self.names(tunnel("a", names=["a.example"], to=f"tcp://127.0.0.1:{port}"))
        for words in (("-tls1_2",), ("-tls1_3",), ("-alpn", "h2,http/1.1"),
                      ("-groups", "P-521:X25519:P-256"), ("-no_ticket",),
                      ("-curves", "X25519")):
            with self.subTest(words):
                said = s_client(self.address, "-servername", "a.example", "-verify_hostname",
                                "a.example", *words)
                self.assertIn(b"200 ok", said)
                self.assertIn(b"Verify return code: 0 (ok)", said)
        lines = relay.wait_for_log(count=6)
        self.assertEqual({line["upstream"] for line in lines}, {"tunnel/a"})

    def test_rsa_and_client_certificates_pass_through(self):
        shown = certs.authority().issue("client")
        port = self.openssl_server("-www", "-Verify", "1", "-CAfile", certs.authority().ca_file,
                                   "-verify_return_error", kind="rsa")
        self.names(tunnel("a", names=["a.example"], to=f"tcp://127.0.0.1:{port}"))
        self.assertIn(b"200 ok", s_client(self.address, "-servername", "a.example", "-cert",
                                          shown.cert, "-key", shown.key))
        self.assertNotIn(b"200 ok", s_client(self.address, "-servername", "a.example"))

    def test_the_hello_is_cut_at_every_byte(self):
        """Every split into two segments, and one segment for each byte: OpenSSL's own hello, to a
        destination that gets it byte for byte."""
        destination = self.recorder()
        self.names(tunnel("a", names=["a.example"], to=f"tcp://{destination.address}"))
        hello = hello_of("a.example", alpn=("h2", "http/1.1"))
        for split in range(1, len(hello)):
            client = connect(self.address)
            client.sendall(hello[:split])
            client.sendall(hello[split:])
            self.assertEqual(read_to_end(client), (b"seen", FIN), split)
            client.close()
        client = connect(self.address)
        for i in range(len(hello)):
            client.sendall(hello[i:i + 1])
        self.assertEqual(read_to_end(client), (b"seen", FIN))
        self.assertEqual(set(destination.came), {hello})

    def test_the_hello_comes_in_records_of_every_size(self):
        destination = self.recorder()
        self.names(tunnel("a", names=["a.example"], to=f"tcp://{destination.address}"))
        message = hello_of("a.example")[5:]
        for size in (*range(1, 40), 100, len(message) - 1):
            hello = records_of(message, size)
            client = connect(self.address)
            client.sendall(hello)
            self.assertEqual(read_to_end(client), (b"seen", FIN), size)
            client.close()
            self.assertEqual(destination.came[-1], hello)

    def test_a_handshake_lives_through_a_splitter(self):
        port = self.openssl_server()
        self.names(tunnel("a", names=["a.example"], to=f"tcp://127.0.0.1:{port}"))
        bytewise = split_through(self, self.address,
                                 lambda first: [first[i:i + 1] for i in range(len(first))])
        for words in (("-tls1_2",), ("-tls1_3",)):
            self.assertIn(b"200 ok", s_client(bytewise, "-servername", "a.example", *words))

    def test_a_huge_hello(self):
        """Sixty ALPN names of 254 bytes: the hello has 15 KiB."""
        many = [chr(97 + i % 26) * 250 + f"{i:04}" for i in range(60)]
        port = self.openssl_server()
        destination = self.recorder()
        self.names(tunnel("a", names=["a.example"], to=f"tcp://{destination.address}"),
                   tunnel("b", names=["b.example"], to=f"tcp://127.0.0.1:{port}"))
        self.assertIn(b"200 ok", s_client(self.address, "-servername", "b.example", "-alpn",
                                          ",".join(many)))
        hello = hello_of("a.example", alpn=many)
        self.assertGreater(len(hello), 15_000)
        client = connect(self.address)
        client.sendall(hello)
        self.assertEqual(read_to_end(client)[0], b"seen")
        self.assertTrue(hello.startswith(destination.came[0]))

    def test_what_node_sends(self):
        """OpenSSL's hello with other lists. Chromium's own, with GREASE and post-quantum shares, is
        in browser_test."""
        node = shutil.which("node")
        if not node:
            self.skipTest("node is not installed")
        port = self.openssl_server()
        self.names(tunnel("a", names=["a.example"], to=f"tcp://127.0.0.1:{port}"))
        host, _, through = self.address.rpartition(":")
        script = (f"const t=require('tls').connect({{host:'{host}',port:{through},"
                  "servername:'a.example',ALPNProtocols:['http/1.1'],"
                  f"ca:require('fs').readFileSync({json.dumps(certs.authority().ca_file)})}},"
                  "()=>t.write('GET / HTTP/1.0\\r\\n\\r\\n'));"
                  "t.on('data',d=>process.stdout.write(d));t.on('error',e=>{throw e});")
        done = subprocess.run([node, "-e", script], capture_output=True,
                              timeout=HANG_GUARD_SECONDS)
        self.assertIn(b"200 ok", done.stdout, done.stderr)

    def test_without_a_name(self):
        port = self.openssl_server()
        relay = self.names(tunnel("rest", names=["*"], to=f"tcp://127.0.0.1:{port}"))
        for words in (("-tls1_2",), ("-tls1_3",)):
            self.assertIn(b"200 ok", s_client(self.address, "-noservername", *words))
        self.assertEqual(relay.wait_for_log(count=2)[1]["upstream"], "tunnel/rest")

    def test_names_patterns_and_the_rest(self):
        words = {}

        def serving(word):
            return Destination(self, lambda link: (receive(link), link.sendall(word)))

        for word in (b"exact", b"pattern", b"rest"):
            words[word] = serving(word)
        self.names(
            tunnel("exact", names=["a.example"], to=f"tcp://{words[b'exact'].address}"),
            tunnel("pattern", names=["*.example"], to=f"tcp://{words[b'pattern'].address}"),
            tunnel("rest", names=["*"], to=f"tcp://{words[b'rest'].address}"))
        for name, word in (("a.example", b"exact"), ("A.EXAMPLE", b"exact"),
                           ("b.example", b"pattern"), ("x.y.example", b"pattern"),
                           ("example", b"rest"), (None, b"rest"), ("elsewhere.test", b"rest")):
            client = connect(self.address)
            client.sendall(hello_of(name))
            self.assertEqual(read_to_end(client), (word, FIN), name)

    def test_what_no_tunnel_takes_is_told_so(self):
        relay = self.names(tunnel("a", names=["a.example"], to="tcp://127.0.0.1:1"))
        for name in ("b.example", None):
            client = connect(self.address)
            client.sendall(hello_of(name))
            self.assertEqual(read_to_end(client), (alert("unrecognized_name"), FIN))
        self.assertIn(b"unrecognized name", s_client(self.address, "-servername", "b.example"))
        client = connect(self.address)
        client.sendall(hello_of("a.example"))  # nobody listens there
        self.assertEqual(read_to_end(client), (alert("internal_error"), FIN))
        metrics = relay.wait_for_metric(lambda m: m.sum(
            "culvert_tunnel_refused_total", tunnel="none", reason="not_found") == 3)
        self.assertEqual(metrics.sum("culvert_tunnel_refused_total", tunnel="a",
                                     reason="connect_failed"), 1)

    def test_what_is_no_hello_gets_no_further(self):
        destination = self.recorder()
        relay = self.names(tunnel("a", names=["*"], to=f"tcp://{destination.address}"))
        message = hello_of("a.example")[5:]
        for said, answer in (
                (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", (b"", RESET)),
                (b"SSH-2.0-OpenSSH_9.2p1\r\n", (b"", RESET)),
                (records_of(b"\x02" + message[1:], 1 << 14), (alert("unexpected_message"), FIN)),
                (records_of(message[:60] + b"\xff" * 40 + message[100:], 1 << 14), None)):
            client = connect(self.address)
            client.sendall(said)
            got, how = read_to_end(client)
            if answer:
                self.assertEqual((got, how), answer, said[:20])
            else:
                self.assertEqual((got[:6], how), (b"\x15\x03\x03\x00\x02\x02", FIN))
        self.assertEqual(destination.came, [])
        self.assertEqual(relay.wait_for_log(count=4)[0]["outcome"], "client_error")

    def test_who_says_nothing_is_let_go(self):
        destination = self.recorder()
        relay = self.names(
            '{"kind": "Relay", "name": "r", "spec": '
            '{"client_timeouts": {"handshake": "200ms"}}}',
            tunnel("a", names=["*"], to=f"tcp://{destination.address}"))
        for said in (b"", hello_of("a.example")[:50]):
            client = connect(self.address)
            client.sendall(said)
            self.assertEqual(read_to_end(client), (b"", RESET))
        relay.wait_for_metric(lambda m: m.sum("culvert_tunnel_refused_total", tunnel="none",
                                              reason="request_timeout") == 2)

    def test_names_change_with_the_configuration(self):
        port = self.openssl_server()
        relay = self.names(tunnel("a", names=["a.example"], to=f"tcp://127.0.0.1:{port}"))
        self.assertIn(b"200 ok", s_client(self.address, "-servername", "a.example"))
        relay.write_config(tunnel("b", names=["b.example"], to=f"tcp://127.0.0.1:{port}") + "\n")
        relay.sighup()
        relay.wait_for_message("reloaded")
        until = time.monotonic() + HANG_GUARD_SECONDS
        while b"200 ok" not in s_client(self.address, "-servername", "b.example"):
            self.assertLess(time.monotonic(), until, "hang guard: no worker took the name")
        self.assertIn(b"unrecognized name", s_client(self.address, "-servername", "a.example"))

    def test_a_tunnel_opens_its_own_listener(self):
        one, other = self.recorder(), self.recorder()
        relay = self.names(
            tunnel("all", names=["a.example"], to=f"tcp://{one.address}"),
            tunnel("own", listen="tls://127.0.0.2:0", names=["a.example"],
                   to=f"tcp://{other.address}"))
        own = next(a for a in relay.addresses("tls") if a.startswith("127.0.0.2:"))
        for address in (own, self.address):
            client = connect(address)
            client.sendall(hello_of("a.example"))
            self.assertEqual(read_to_end(client)[0], b"seen")
        self.assertEqual((len(one.came), len(other.came)), (1, 1))

    def test_the_close_notify_is_the_destinations(self):
        destination = Destination(self, tls=certs.authority().issue(
            "a.example").server_context(alpn=()))
        relay = self.names(tunnel("a", names=["a.example"], to=f"tcp://{destination.address}"))
        link = TlsSocket(connect(self.address), certs.authority().client_context(alpn=()),
                         name="a.example")
        for _ in range(10):  # a TlsSocket belongs to one thread, which cannot do both at once
            data = os.urandom(20_000)
            link.sendall(data)
            self.assertEqual(read_exactly(link, len(data)), data)
        link.close_notify()
        link.plain.shutdown(socket.SHUT_WR)
        self.assertEqual(read_to_end(link), (b"", CLOSE_NOTIFY))
        self.assertEqual(relay.wait_for_log()[0]["outcome"], "ok")
        self.assertEqual(destination.failures, [])


if __name__ == "__main__":
    unittest.main()
