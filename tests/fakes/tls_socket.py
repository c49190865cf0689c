# TLS over a blocking socket, with every end of a connection told apart: close_notify, FIN without
# it, RST. Owned by one thread. Not ssl.SSLSocket, because that reports an RST as an end of file and
# cannot send close_notify without waiting for the other side's.
import socket
import ssl

# How a read can end, besides with bytes.
FIN = "fin"                    # end of a TCP connection
CLOSE_NOTIFY = "close_notify"  # proper end of a TLS connection
TRUNCATED = "truncated"        # TCP's end without TLS's own
RESET = "reset"                # RST


class Ended(Exception):
    """The connection ended while bytes were still awaited; `how` is one of the four words above,
    `partial` what had come of what was awaited."""

    def __init__(self, how: str):
        super().__init__(how)
        self.how, self.partial = how, b""


def receive(link, limit: int = 65536) -> bytes:
    """At least a byte from a plain socket or a TlsSocket; raises Ended."""
    if isinstance(link, TlsSocket):
        return link.recv(limit)
    try:
        data = link.recv(limit)
    except (ConnectionResetError, BrokenPipeError):
        raise Ended(RESET) from None
    if not data:
        raise Ended(FIN)
    return data


class TlsSocket:
    """The handshake is done at once: ssl.SSLError (the alert is sent), or Ended if the other side
    went."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, server: bool = False,
                 name: str | None = None, session: ssl.SSLSession | None = None):
        self.plain = plain
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=server, server_hostname=name,
                                    session=session)
        try:
            self._run(self.tls.do_handshake)
        except ssl.SSLError:
            self._flush()
            raise

    def recv(self, limit: int = 65536) -> bytes:
        try:
            data = self._run(lambda: self.tls.read(limit))
        except ssl.SSLZeroReturnError:
            data = b""
        if not data:
            raise Ended(CLOSE_NOTIFY)
        return data

    def sendall(self, data: bytes) -> None:
        self.tls.write(data)
        self._flush()

    def close_notify(self) -> None:
        """Says that no more will come; does not wait for the answer, sends no FIN."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass  # it wants to read the answer; what was to be sent lies ready
        self._flush()

    def close(self) -> None:
        """The connection, with no more said."""
        self.plain.close()

    def _flush(self) -> None:
        if self._out.pending:
            self.plain.sendall(self._out.read())

    def _run(self, step):
        while True:
            try:
                result = step()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
            try:
                self._in.write(receive(self.plain))
            except Ended as end:
                raise Ended(TRUNCATED if end.how == FIN else end.how) from None
