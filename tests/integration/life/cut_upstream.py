# An upstream that answers each request with a recorded stream, spoilt as the request's own body
# asks ({"plan": {...}}), so that thousands of different cuts run at the same time without a word
# between test and upstream. Owned by one test; a fixed number of threads that accept, answer and
# end, because a thread per connection would cost more than the connection.
import json
import socket
import ssl
import struct
import threading

from tests.fakes.tls_socket import Ended, TlsSocket, receive
from tests.integration.life.recordings import Recording, recordings

HANG_GUARD_SECONDS = 60.0
BAD_CHUNKS = (b"xyz\r\n", b"-1\r\nabc\r\n", b"f" * 17 + b"\r\n", b"\r\n", b" 1\r\na\r\n",
              b"1;\x00\r\na\r\n", b"0x1\r\na\r\n")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


def bad_chunks(body: bytes, number: int) -> bytes:
    """The body's part in a good chunk, then a bad one; or in a chunk that lacks its CRLF."""
    number %= len(BAD_CHUNKS) + 1
    return chunk(body) + BAD_CHUNKS[number] if number < len(BAD_CHUNKS) else (
        chunk(body)[:-2] + b"zz\r\n")


def head(recording: Recording, framing: str) -> bytes:
    return (recording.kept_head + framing + "\r\n").encode("latin-1")


# The end of the connection is announced where the framing is good: whether a pooled connection that
# dies may be used is a question for other tests.
CHUNKED = "Transfer-Encoding: chunked\r\nConnection: close\r\n"


def spoilt(recording: Recording, kind: str, at: int) -> bytes:
    """All that is sent before the end. `at` counts bytes of the wire for "wire", of the body else.
    """
    body = recording.body[:at]
    if kind == "wire":
        return recording.wire[:at]
    if kind == "length":
        return head(recording, f"Content-Length: {len(recording.body)}\r\n") + body
    if kind == "close":
        return head(recording, "") + body
    if kind == "bad_chunk":
        return head(recording, CHUNKED) + bad_chunks(body, at)
    if kind == "no_last_chunk":
        return head(recording, CHUNKED) + chunk(body)
    if kind == "no_marker":
        return head(recording, CHUNKED) + chunk(body) + b"0\r\n\r\n"
    raise ValueError(kind)


class CutUpstream:
    """`url` is what PROXY_…_TARGET takes. A plan: {"kind", "at", "end": "fin" | "rst" |
    "no_notify" | "stall", "extra": text sent after the body's part}."""

    def __init__(self, threads: int, tls: ssl.SSLContext | None = None):
        self._tls = tls
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(1024)
        self._threads = [threading.Thread(target=self._accept, daemon=True)
                         for _ in range(threads)]
        self.failures: list[BaseException] = []
        self._closing = False
        port = self._listener.getsockname()[1]
        self.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        for thread in self._threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._closing = True
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes every accept()
        for thread in self._threads:
            thread.join(HANG_GUARD_SECONDS)
        self._listener.close()
        if self.failures and kind is None:
            raise AssertionError("the upstream failed") from self.failures[0]

    def _accept(self) -> None:
        while not self._closing:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            try:
                raw.settimeout(HANG_GUARD_SECONDS)
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._serve(raw)
            except (Ended, OSError):
                pass  # the relay left first
            except BaseException as error:  # noqa: BLE001 - shown when the test ends
                self.failures.append(error)
            finally:
                raw.close()

    def _serve(self, raw: socket.socket) -> None:
        link = TlsSocket(raw, self._tls, server=True) if self._tls else raw
        plan = self._read_plan(link)
        recording = recordings()[plan["recording"]]
        data = spoilt(recording, plan["kind"], plan["at"])
        if data:
            link.sendall(data)
        if plan["end"] == "rst":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if plan["end"] == "fin" and self._tls:
            link.close_notify()
        if plan["end"] != "stall":
            raw.shutdown(socket.SHUT_WR)
        while True:  # until the relay leaves, so that nothing unread turns this end into an RST
            receive(link)

    def _read_plan(self, link) -> dict:
        data = b""
        while b"\r\n\r\n" not in data:
            data += receive(link)
        top, _, body = data.partition(b"\r\n\r\n")
        fields = {n.strip().lower(): v.strip() for n, _, v in
                  (line.partition(b":") for line in top.split(b"\r\n")[1:])}
        while len(body) < int(fields[b"content-length"]):
            body += receive(link)
        return json.loads(body)["plan"]
