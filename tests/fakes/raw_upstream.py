# An upstream whose every byte a test decides: one Python callable per connection, run on a thread
# of its own, with the raw bytes of each connection kept. Owned by one test; listens on loopback,
# any free port. For whole vendor APIs with faults by rule use model_server.py; this is for
# dialogues that must be exact to the byte.
import socket
import ssl
import struct
import threading
from typing import Callable

from tests.fakes.raw_client import HANG_GUARD_SECONDS
from tests.fakes.tls_socket import Ended, TlsSocket, receive


class UpstreamConnection:
    """What a script gets: the accepted connection, numbered from 0 in the order of accept."""

    def __init__(self, number: int, raw: socket.socket, peer):
        self.number, self.peer = number, peer
        self.socket = raw  # TCP's
        self.link = raw    # what bytes go through: the same, or a TlsSocket
        self.received = b""  # everything that came, decrypted
        self.ended: str | None = None  # how the other side ended, once seen
        self._buffer = b""

    def recv_some(self, limit: int = 65536) -> bytes:
        """At least a byte; raises Ended when the other side is gone."""
        if self._buffer:
            data, self._buffer = self._buffer[:limit], self._buffer[limit:]
            return data
        try:
            data = receive(self.link, limit)
        except Ended as end:
            self.ended = end.how
            raise
        self.received += data
        return data

    def recv_until(self, mark: bytes) -> bytes:
        data = b""
        while mark not in data:
            data += self.recv_some()
        cut = data.index(mark) + len(mark)
        self._buffer = data[cut:] + self._buffer
        return data[:cut]

    def recv_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self.recv_some(count - len(data))
        return data

    def recv_head(self) -> bytes:
        """A request's head, raw, with its empty line."""
        return self.recv_until(b"\r\n\r\n")

    def recv_request(self) -> tuple[bytes, bytes]:
        """Head and body, the body without its framing (Content-Length or chunked)."""
        head = self.recv_head()
        fields = {n.strip().lower(): v.strip()
                  for n, _, v in (line.partition(b":") for line in head.split(b"\r\n")[1:])}
        if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
            return head, self._recv_chunks()
        return head, self.recv_exactly(int(fields.get(b"content-length", b"0")))

    def _recv_chunks(self) -> bytes:
        body = b""
        while size := int(self.recv_until(b"\r\n").split(b";")[0], 16):
            body += self.recv_exactly(size)
            self.recv_exactly(2)
        while self.recv_until(b"\r\n") != b"\r\n":
            pass
        return body

    def recv_end(self) -> str:
        """Reads on until the other side ends, and says how: FIN, CLOSE_NOTIFY, TRUNCATED, RESET."""
        try:
            while True:
                self.recv_some()
        except Ended as end:
            return end.how

    def send(self, data: bytes | str) -> None:
        self.link.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def answer(self, body: bytes | str = b"ok", status: str = "200 OK", headers: str = "") -> None:
        """A plain answer with Content-Length; `headers` are whole lines, each with its CRLF."""
        data = body.encode() if isinstance(body, str) else body
        head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(data)}\r\n\r\n"
        self.send(head.encode() + data)

    def fin(self) -> None:
        """FIN, without close_notify on TLS; this side still reads."""
        self.socket.shutdown(socket.SHUT_WR)

    def close_notify(self) -> None:
        """TLS's own end, without waiting for its answer and without FIN."""
        self.link.close_notify()

    def rst(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()


class RawUpstream:
    """Runs `script(connection)` for each connection; a list gives the first its first, and so on,
    the last one for all that follow. An exception in a script (but Ended: the relay left) fails the
    test at close(). With `tls` (a server's ssl.SSLContext) the handshake is done before the script
    runs, unless `handshake=False`: then the script sees the raw bytes (a ClientHello, say)."""

    def __init__(self, script: Callable | list, tls: ssl.SSLContext | None = None,
                 handshake: bool = True, host: str = "127.0.0.1"):
        self._scripts = script if isinstance(script, list) else [script]
        self._tls = tls if handshake else None
        self.scheme = "https" if tls else "http"
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, 0))
        self._listener.listen(512)
        self.host, self.port = host, self._listener.getsockname()[1]
        self.connections: list[UpstreamConnection] = []
        self.failures: list[BaseException] = []
        self._changed = threading.Condition()
        self._finished = 0
        self._closing = False
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """For PROXY_…_TARGET; over TLS by name, as certificates are made for localhost."""
        return f"{self.scheme}://localhost:{self.port}" if self.scheme == "https" else (
            f"http://{self.address}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close(check=kind is None)

    def wait_connections(self, count: int) -> None:
        """Until so many connections came."""
        self._wait(lambda: len(self.connections) >= count, f"{count} connections")

    def wait_finished(self, count: int) -> None:
        """Until so many scripts have ended."""
        self._wait(lambda: self._finished >= count, f"{count} finished scripts")

    def close(self, check: bool = True) -> None:
        self._closing = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        except OSError:
            pass
        self._listener.close()
        for connection in self.connections:
            try:
                connection.socket.shutdown(socket.SHUT_RDWR)  # wakes a reading script
            except OSError:
                pass
        for thread in self._threads:
            thread.join(HANG_GUARD_SECONDS)
        if check and self.failures:
            raise AssertionError("an upstream's script failed") from self.failures[0]

    def _wait(self, happened: Callable[[], bool], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(happened, HANG_GUARD_SECONDS):
                raise AssertionError(f"hang guard: never saw {what} at the raw upstream")

    def _accept(self) -> None:
        while True:
            try:
                raw, peer = self._listener.accept()
            except OSError:
                return
            raw.settimeout(HANG_GUARD_SECONDS)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                connection = UpstreamConnection(len(self.connections), raw, peer)
                self.connections.append(connection)
                self._changed.notify_all()
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, connection: UpstreamConnection) -> None:
        script = self._scripts[min(connection.number, len(self._scripts) - 1)]
        try:
            if self._tls is not None:
                connection.link = TlsSocket(connection.socket, self._tls, server=True)
            script(connection)
        except Ended:
            pass  # the relay left; whether it should have is the test's to say, by `ended`
        except OSError as error:
            connection.ended = connection.ended or f"{type(error).__name__}: {error}"
        except BaseException as error:  # noqa: BLE001 - shown by close() on the test's own thread
            if not self._closing:
                self.failures.append(error)
        finally:
            connection.socket.close()
            with self._changed:
                self._finished += 1
                self._changed.notify_all()
