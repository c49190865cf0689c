# Whether the peers do the same work: what reaches an upstream through each is equal in kind, a
# stranger is refused, the upstream's certificate is verified, and its connections are kept. On the
# wire, with an upstream that keeps every byte.
import pathlib
import ssl
import tempfile
import unittest
from dataclasses import replace

from tests.bench import traffic
from tests.bench.peers.culvert import Culvert
from tests.bench.peers.haproxy import Haproxy
from tests.bench.peers.nginx import Nginx
from tests.bench.peers.setup import Setup
from tests.fakes import certs
from tests.fakes.raw_client import RawClient
from tests.fakes.raw_upstream import RawUpstream

CONTESTANTS = (Culvert(), Nginx(), Haproxy())
CLIENTS_FIRST = "TLS_AES_256_GCM_SHA384"  # of OpenSSL; all servers follow it
OURS_FIRST = "TLS_AES_128_GCM_SHA256"
HELLO = ("Host", "api.example")


def request(headers=traffic.HEADERS, path: str = traffic.PATH, body: bytes = b"") -> bytes:
    body = body or traffic.chat()
    lines = [f"POST {path} HTTP/1.1", *(f"{n}: {v}" for n, v in (HELLO, *headers)),
             f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def fields(head: bytes) -> dict:
    lines = head.decode().split("\r\n")[1:]
    pairs = [line.partition(": ") for line in lines if line]
    found = {name.lower(): value for name, _, value in pairs}
    assert len(found) == len(pairs), f"a field stands twice: {head}"
    found.pop("connection", None)  # keep-alive is what HTTP/1.1 means without it
    return found


class Wire(unittest.TestCase):
    def upstream(self, tls=None) -> RawUpstream:
        self.heads: list[bytes] = []

        def script(connection):
            while True:
                head, body = connection.recv_request()
                self.heads.append(head)
                self.assertEqual(traffic.chat(), body)
                connection.answer(b'{"usage":{}}', headers="Content-Type: application/json\r\n")

        upstream = RawUpstream(script, tls=tls)
        self.addCleanup(upstream.close)
        return upstream

    def start(self, contestant, setup: Setup):
        folder = tempfile.TemporaryDirectory(prefix="culvert-bench-")
        self.addCleanup(folder.cleanup)
        running = contestant.start(setup, pathlib.Path(folder.name))
        self.addCleanup(running.stop)
        return running

    def setup_of(self, upstream: RawUpstream, tls: bool) -> Setup:
        return Setup(upstream.port, upstream.port, client_tls=tls, up_tls=tls)

    def client(self, running, tls: bool) -> RawClient:
        context = certs.authority().client_context() if tls else None
        return RawClient(f"127.0.0.1:{running.port}", context)

    def ask(self, running, tls: bool, times: int = 2) -> None:
        with self.client(running, tls) as client:
            for _ in range(times):
                self.assertEqual(200, client.send(request()).read_response("POST").status)
            self.suite = client.tls.cipher()[0] if tls else ""

    def heads_of(self, contestant, tls: bool) -> list[dict]:
        context = certs.server().server_context()
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        upstream = self.upstream(context if tls else None)
        running = self.start(contestant, self.setup_of(upstream, tls))
        self.ask(running, tls)
        self.ask(running, tls, times=1)  # another client takes the same connection
        self.assertEqual(1, len(upstream.connections), f"{contestant.name} kept no connection")
        if tls:
            up = upstream.connections[0].link.tls.cipher()[0]
            self.assertEqual((CLIENTS_FIRST, OURS_FIRST), (self.suite, up), contestant.name)
        return [fields(head) | {"host": ""} for head in self.heads]

    def test_what_goes_up_is_equal(self):
        for tls in (False, True):
            seen = {c.name: self.heads_of(c, tls) for c in CONTESTANTS}
            self.assertEqual({
                "host": "", "user-agent": traffic.USER_AGENT, "accept-encoding": "identity",
                "authorization": f"Bearer {traffic.KEY}", "accept": "application/json",
                "content-type": "application/json", "content-length": str(traffic.BODY_BYTES),
            }, seen["culvert"][0])
            for name, heads in seen.items():
                self.assertEqual(seen["culvert"], heads, f"{name}, TLS {tls}")

    def test_strangers_are_refused(self):
        for contestant in CONTESTANTS:
            running = self.start(contestant, self.setup_of(self.upstream(), False))
            wrong = [("Authorization", "Bearer somebody-else-0123456789"), *traffic.HEADERS[1:]]
            with self.client(running, False) as client:
                self.assertEqual(401, client.send(request(wrong)).read_response("POST").status,
                                 contestant.name)
            self.assertEqual([], self.heads)

    def test_an_upstream_that_nobody_vouches_for_gets_nothing(self):
        for contestant in CONTESTANTS:
            upstream = RawUpstream(lambda c: c.recv_end(),
                                   tls=certs.untrusted().server_context())
            self.addCleanup(upstream.close, check=False)
            setup = replace(self.setup_of(upstream, True), client_tls=False)
            running = self.start(contestant, setup)
            with self.client(running, False) as client:
                status = client.send(request()).read_response("POST").status
            self.assertIn(status, (502, 503), contestant.name)


if __name__ == "__main__":
    unittest.main()
