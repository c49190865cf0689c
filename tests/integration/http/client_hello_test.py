# The relay's ClientHello is pinned: constant versions, suites, groups, signatures, extensions and
# ALPN, the same for every client, so that it tells nothing of who asks and does not change by
# accident with a library. The pinned fields are in tests/data/client_hello.json; a change of them
# is a decision, and made there. The second way, fetch, has a ClientHello of its own, that of the
# machine's libcurl: it is not pinned, but the same for every client too.
import json
import pathlib
import ssl
import struct
import unittest

from tests.fakes import certs
from tests.fakes.raw_client import RawClient
from tests.integration.http.support import TOKEN, HttpCase, request

PINNED = pathlib.Path(__file__).resolve().parents[2] / "data/client_hello.json"
KEY_SHARE, SERVER_NAME = 51, 0


class Reader:
    """Big-endian fields of TLS's presentation language (RFC 8446 §3)."""

    def __init__(self, data: bytes):
        self.data = data

    def take(self, count: int) -> bytes:
        taken, self.data = self.data[:count], self.data[count:]
        assert len(taken) == count, "the hello is short"
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))

    def numbers(self, size: int = 2) -> list[int]:
        found = []
        while self.data:
            found.append(self.number(size))
        return found


def parse(record: bytes) -> dict:
    """The fields that do not change from one connection to the next; of those that do (random,
    session id, key shares), their sizes."""
    reader = Reader(record)
    kind, record_version = reader.number(1), reader.number(2)
    body = Reader(reader.vector(2))
    assert (kind, body.number(1)) == (22, 1), "no ClientHello"
    hello = Reader(body.vector(3))
    found = {"record_version": record_version, "version": hello.number(2)}
    hello.take(32)
    found["session_id_bytes"] = len(hello.vector(1))
    found["suites"] = Reader(hello.vector(2)).numbers()
    found["compression"] = list(hello.vector(1))
    found["extensions"] = []
    extensions = Reader(hello.vector(2))
    while extensions.data:
        number, data = extensions.number(2), extensions.vector(2)
        if number == SERVER_NAME:
            data = b""
        elif number == KEY_SHARE:
            shares = Reader(Reader(data).vector(2))
            data = b""
            while shares.data:
                group, share = shares.number(2), shares.vector(2)
                data += struct.pack(">HH", group, len(share))
        found["extensions"].append([number, data.hex()])
    return found


class ClientHello(HttpCase):
    def hellos(self, send) -> list[list[dict]]:
        """What upstreams saw of each request that `send(relay, raw, over)` makes, which calls
        over() behind each. All are first connections: none resumes."""
        records = []

        def script(connection):
            header = connection.recv_exactly(5)
            records.append(header + connection.recv_exactly(int.from_bytes(header[3:], "big")))
            connection.close()
        raw = self.upstream(script, tls=True, handshake=False)
        good = certs.server()
        relay = self.relay(
            AUTH_TOKEN=TOKEN, CULVERT_LISTEN="http://127.0.0.1:0,https://127.0.0.1:0",
            CULVERT_TLS_CERT=good.cert, CULVERT_TLS_KEY=good.key, PROXY_RAW_TARGET=raw.url,
            PROXY_OPENAI_TARGET=raw.url, CULVERT_GENERIC_ALLOW="localhost")
        ends = [0]

        def over():
            raw.wait_finished(len(raw.connections))
            ends.append(len(records))
        send(relay, raw, over)
        return [[parse(record) for record in records[start:end]]
                for start, end in zip(ends, ends[1:])]

    def test_it_is_the_pinned_one_for_every_client_and_mode(self):
        def send(relay, raw, over):
            def ask(address, path, fields="", tls=None, source=None):
                with RawClient(address, tls, source=source) as client:
                    answer = client.send(request(path, fields=fields)).read_response()
                    self.assert_own_error(answer, 502, "tls")
                over()
            old = certs.authority().client_context()
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            ask(relay.http, "/raw/a")
            ask(relay.https, "/raw/a", "User-Agent: another\r\n", old, "127.0.0.5")
            ask(relay.https, "/openai/v1/models", "Authorization: Bearer k\r\n",
                certs.authority().client_context())
            ask(relay.http, f"/{TOKEN}/https/localhost:{raw.port}/a")
        pinned = json.loads(PINNED.read_text())
        asked = self.hellos(send)
        self.assertEqual(len(asked), 4)
        for hellos in asked:
            self.assertIn(pinned, hellos)
        others = [hello for hellos in asked for hello in hellos if hello != pinned]
        self.assertGreaterEqual(len(others), len(asked))
        for other in others:
            self.assertEqual(other, others[0])


if __name__ == "__main__":
    unittest.main()
