# A client that sends exactly the bytes a test gives it, over TCP or TLS, and reads an answer
# exactly: status, header fields in order and spelling, the body with its framing, and how it ended.
# Owned by one test, blocking, one thread. Not http.client, because that hides just what these tests
# are about: framing, order and endings.
import socket
import ssl
import struct
from dataclasses import dataclass, field

from tests.fakes.tls_socket import CLOSE_NOTIFY, FIN, Ended, TlsSocket, receive

HANG_GUARD_SECONDS = 30.0

@dataclass
class Response:
    """One answer as it came. `ended` is "complete" where the framing says so, else how it broke
    off."""

    version: str = ""
    status: int = 0
    reason: str | None = None  # None: the status line ended after the code
    headers: list = field(default_factory=list)  # (name, value), in order, spelling kept
    interim: list = field(default_factory=list)  # earlier 1xx answers, each a Response
    framing: str = "none"      # none, length, chunked, close
    chunks: list = field(default_factory=list)
    body: bytes = b""
    trailers: list = field(default_factory=list)
    ended: str = "complete"    # complete, or FIN / CLOSE_NOTIFY / TRUNCATED / RESET before the end
    head: bytes = b""          # raw, with its empty line

    def all(self, name: str) -> list:
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name: str, default=None):
        values = self.all(name)
        return values[0] if values else default

    @property
    def complete(self) -> bool:
        return self.ended == "complete"


class RawClient:
    """`address` is "host:port" or (host, port). With `tls` (an ssl.SSLContext) the handshake is
    done at once, with `name` as SNI and as the name to verify."""

    def __init__(self, address, tls: ssl.SSLContext | None = None, name: str = "localhost",
                 source: str | None = None, session: ssl.SSLSession | None = None):
        if isinstance(address, str):
            host, _, port = address.rpartition(":")
            address = (host.strip("[]"), int(port))
        self.socket = socket.create_connection(address, timeout=HANG_GUARD_SECONDS,
                                               source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.link = self.socket  # what bytes go through; the socket itself stays at hand
        if tls is not None:
            try:
                self.link = TlsSocket(self.socket, tls, name=name, session=session)
            except BaseException:
                self.socket.close()
                raise
        self.received = b""  # everything that ever came, decrypted
        self._buffer = b""

    @property
    def tls(self) -> ssl.SSLObject | None:
        """For version(), cipher(), selected_alpn_protocol(), session, session_reused,
        getpeercert()."""
        return self.link.tls if isinstance(self.link, TlsSocket) else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- out

    def send(self, data: bytes | str) -> "RawClient":
        self.link.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def finish_sending(self) -> None:
        """FIN (no close_notify on TLS): this side says no more, and still reads."""
        self.socket.shutdown(socket.SHUT_WR)

    def close_notify(self) -> None:
        """TLS's own end, without waiting for the other side's; FIN is not sent."""
        self.link.close_notify()

    def reset(self) -> None:
        """RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    # -- in

    def read_some(self, limit: int = 65536) -> bytes:
        """What is there, waiting for at least a byte; raises Ended at the end."""
        if self._buffer:
            data, self._buffer = self._buffer[:limit], self._buffer[limit:]
            return data
        data = receive(self.link, limit)
        self.received += data
        return data

    def read_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                data += self.read_some(count - len(data))
            except Ended as end:
                end.partial = data
                raise
        return data

    def read_until(self, mark: bytes) -> bytes:
        """All up to and with `mark`."""
        data = b""
        while mark not in data:
            try:
                data += self.read_some()
            except Ended as end:
                end.partial = data
                raise
        cut = data.index(mark) + len(mark)
        self._buffer = data[cut:] + self._buffer
        return data[:cut]

    def read_to_end(self) -> tuple[bytes, str]:
        """Everything until the connection ends, and how it ended."""
        data = b""
        while True:
            try:
                data += self.read_some()
            except Ended as end:
                return data, end.how

    def ends(self) -> str:
        """Asserts that nothing more comes but the end, and says which."""
        data, how = self.read_to_end()
        assert data == b"", f"bytes where the end was due: {data[:200]!r}"
        return how

    # -- an answer

    def read_head(self) -> Response:
        """One head (a 1xx counts as one); raises Ended if it breaks off."""
        raw = self.read_until(b"\r\n\r\n")
        lines = raw[:-4].decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        code, space, reason = rest.partition(" ")
        fields = [(n, v.strip(" \t")) for n, _, v in (line.partition(":") for line in lines[1:])]
        return Response(version, int(code), reason if space else None, fields, head=raw)

    def read_response(self, method: str = "GET") -> Response:
        """A whole answer with the 1xx before it. Breaking off is no exception: see `ended`. A
        connection that ends before any head gives status 0."""
        interim = []
        try:
            answer = self.read_head()
            while 100 <= answer.status < 200 and answer.status != 101:
                interim.append(answer)
                answer = self.read_head()
        except Ended as end:
            return Response(interim=interim, ended=end.how, head=end.partial)
        answer.interim = interim
        self._read_body(answer, method)
        return answer

    def _read_body(self, answer: Response, method: str) -> None:
        if method == "HEAD" or answer.status in (101, 204, 304):
            return
        try:
            if "chunked" in (answer.get("transfer-encoding") or "").lower():
                answer.framing = "chunked"
                self._read_chunks(answer)
            elif answer.all("content-length"):
                answer.framing = "length"
                answer.body = self.read_exactly(int(answer.get("content-length")))
            else:
                answer.framing = "close"
                answer.body, how = self.read_to_end()
                answer.ended = "complete" if how in (FIN, CLOSE_NOTIFY) else how
        except Ended as end:
            answer.body += end.partial
            answer.ended = end.how

    def _read_chunks(self, answer: Response) -> None:
        parts = answer.chunks
        try:
            while size := int(self.read_line().split(b";")[0], 16):
                parts.append(self._read_chunk(size, parts))
            while line := self.read_line():
                name, _, value = line.decode("latin-1").partition(":")
                answer.trailers.append((name, value.strip(" \t")))
        except Ended as end:
            end.partial = b""
            raise
        finally:
            answer.body = b"".join(parts)

    def _read_chunk(self, size: int, parts: list) -> bytes:
        try:
            data = self.read_exactly(size)
        except Ended as end:
            parts.append(end.partial)
            raise
        if self.read_exactly(2) != b"\r\n":
            raise AssertionError("a chunk without its CRLF")
        return data

    def read_line(self) -> bytes:
        return self.read_until(b"\r\n")[:-2]

    def read_chunk(self) -> bytes:
        """The next chunk of a stream whose head was read with read_head(); b"" is the last one."""
        size = int(self.read_line().split(b";")[0], 16)
        data = self.read_exactly(size)
        self.read_exactly(2)
        return data


def exchange(address, request: bytes | str, tls=None, method: str | None = None) -> Response:
    """One request on a connection of its own."""
    text = request.encode("latin-1") if isinstance(request, str) else request
    with RawClient(address, tls) as client:
        client.send(text)
        return client.read_response(method or text.split(b" ", 1)[0].decode("latin-1"))
