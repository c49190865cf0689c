# HTTP/2 frame by frame (RFC 9113) on one connection of a RawUpstream: for endings and orders that
# no real server can be made to give. Owned by that connection's script. Not a library's, because
# those never break the rules; it reads no field of a request (their coding is HPACK's), only
# frames.
from tests.fakes.tls_socket import Ended

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL = 0, 2, 7, 8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def integer(value: int, prefix_bits: int = 7) -> bytes:
    """HPACK's (RFC 7541 §5.1), with nothing in the bits before the prefix."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([value])
    out, value = [most], value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def field(name: str, value: str) -> bytes:
    """A literal that no table keeps (RFC 7541 §6.2.2)."""
    return b"\0" + integer(len(name)) + name.encode() + integer(len(value)) + value.encode()


class Http2Frames:
    """The preface and the settings are exchanged at once. Takes connections whose TLS, if any,
    agreed on h2."""

    def __init__(self, connection):
        self.connection = connection
        self.seen: list[tuple[int, int, int, bytes]] = []  # every frame that came
        assert connection.recv_exactly(len(PREFACE)) == PREFACE
        self.send(SETTINGS, 0, 0, b"")

    # -- in

    def recv(self) -> tuple[int, int, int, bytes]:
        """The next frame: type, flags, stream, payload. Settings and pings are acknowledged."""
        head = self.connection.recv_exactly(9)
        payload = self.connection.recv_exactly(int.from_bytes(head[:3], "big"))
        frame = (head[3], head[4], int.from_bytes(head[5:], "big"), payload)
        self.seen.append(frame)
        if frame[0] in (SETTINGS, PING) and not frame[1] & ACK:
            self.send(frame[0], ACK, 0, payload if frame[0] == PING else b"")
        return frame

    def recv_head(self) -> int:
        """Until a request begins; its stream."""
        while True:
            kind, flags, stream, _ = self.recv()
            if kind == HEADERS:
                self.last_flags = flags
                return stream

    def recv_request(self) -> tuple[int, bytes]:
        """A whole request: its stream and its body. Credit is given for all that comes."""
        stream, body = self.recv_head(), b""
        ended = self.last_flags & END_STREAM
        while not ended:
            kind, flags, of, payload = self.recv()
            if kind != DATA or of != stream:
                continue
            body += payload
            ended = flags & END_STREAM
            if payload and not ended:
                self.credit(stream, len(payload))
        return stream, body

    def recv_end(self) -> str:
        """Reads on until the client ends the connection, and says how (tls_socket's words)."""
        try:
            while True:
                self.recv()
        except Ended as end:
            return end.how

    # -- out

    def send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self.connection.send(len(payload).to_bytes(3, "big") + bytes([kind, flags]) +
                             stream.to_bytes(4, "big") + payload)

    def head(self, stream: int, *fields: tuple[str, str], status: int = 200,
             end: bool = False) -> None:
        block = b"".join(field(*one) for one in ((":status", str(status)), *fields))
        self.send(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)

    def trailers(self, stream: int, *fields: tuple[str, str]) -> None:
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, b"".join(field(*f) for f in fields))

    def data(self, stream: int, data: bytes, end: bool = False) -> None:
        self.send(DATA, END_STREAM if end else 0, stream, data)

    def answer(self, stream: int, body: bytes = b"ok") -> None:
        self.head(stream, ("content-length", str(len(body))))
        self.data(stream, body, end=True)

    def credit(self, stream: int, size: int) -> None:
        for one in (0, stream):
            self.send(WINDOW_UPDATE, 0, one, size.to_bytes(4, "big"))

    def reset(self, stream: int, code: int) -> None:
        self.send(RST_STREAM, 0, stream, code.to_bytes(4, "big"))

    def goaway(self, last_stream: int, code: int = NO_ERROR) -> None:
        self.send(GOAWAY, 0, 0, last_stream.to_bytes(4, "big") + code.to_bytes(4, "big"))
