# One accepted connection of the model server as bytes in and bytes out, over TCP or TLS. Owned by
# the server's one event loop. TLS runs here over memory instead of inside asyncio, because asyncio
# decides by itself when to send close_notify and hides the socket, and a fake must end a connection
# in every right and wrong way.
import asyncio
import fcntl
import socket
import ssl
import struct
import termios
import time

HELLO_LIMIT = 20_000  # more than a TLS record can have


class ClientLeft(Exception):
    """The client ended the connection: "fin", "close_notify", "rst" or "truncated"."""


class Wire(asyncio.Protocol):
    def __init__(self, serve, tls: ssl.SSLContext | None):
        self._serve = serve  # async function(Wire), the connection's whole life
        self._context = tls
        self.transport: asyncio.Transport | None = None
        self.accepted_ns = time.monotonic_ns()
        self.left: str | None = None
        self.left_ns: int | None = None
        self.hello = b""
        self._tls: ssl.SSLObject | None = None
        self._waiters: set = set()
        self._buffer = bytearray()
        self._full = False  # the kernel takes no more for now
        self._closed_here = False

    # -- asyncio's side

    def connection_made(self, transport) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=0)
        if self._context is not None:
            self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.task = asyncio.get_running_loop().create_task(self._serve(self))

    def data_received(self, data: bytes) -> None:
        if self._tls is None:
            self._buffer += data
        else:
            if not self._shaken:
                self._keep_hello(data)
            self._incoming.write(data)
            if self._shaken:
                self._decrypt()
        self._wake()

    def _keep_hello(self, data: bytes) -> None:
        """Keeps the client's first TLS record (RFC 8446 §5.1), which is its ClientHello."""
        whole = 5 + int.from_bytes(self.hello[3:5], "big") if len(self.hello) >= 5 else HELLO_LIMIT
        self.hello = (self.hello + data)[:whole]
        if len(self.hello) >= 5:
            self.hello = self.hello[:5 + int.from_bytes(self.hello[3:5], "big")]

    def eof_received(self) -> bool:
        self._note_left("truncated" if self._tls is not None else "fin")
        return True  # this side ends when the serving task says so

    def connection_lost(self, error) -> None:
        self._note_left("rst" if error else "fin")

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    def _note_left(self, how: str) -> None:
        if self.left is None and not self._closed_here:
            self.left, self.left_ns = how, time.monotonic_ns()
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def _changed(self) -> None:
        """Until anything happens on this connection."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    # -- TLS

    _shaken = False

    async def handshake(self) -> None:
        """Nothing on plain TCP. Raises ClientLeft or ssl.SSLError."""
        while self._tls is not None and not self._shaken:
            try:
                self._tls.do_handshake()
                self._shaken = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                self._flush()
                raise
            self._flush()
            if not self._shaken:
                if self.left:
                    raise ClientLeft(self.left)
                if not self._incoming.pending:
                    await self._changed()
        if self._tls is not None:
            self._decrypt()

    def _decrypt(self) -> None:
        try:
            while data := self._tls.read(65536):
                self._buffer += data
            self._note_left("close_notify")
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._note_left("close_notify")
        except ssl.SSLError:
            self._note_left("truncated")
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and not self.transport.is_closing():
            self.transport.write(self._outgoing.read())

    @property
    def tls_facts(self) -> dict | None:
        if self._tls is None or not self._shaken:
            return None
        return {"version": self._tls.version(), "cipher": self._tls.cipher()[0],
                "alpn": self._tls.selected_alpn_protocol(), "resumed": self._tls.session_reused,
                "server_name": getattr(self._tls, "name_seen", None),
                "hello": self.hello.hex()}

    # -- the serving task's side: in

    async def more(self) -> bytes:
        """Everything that came and was not taken, at least a byte. Raises ClientLeft at the end."""
        while not self._buffer:
            if self.left:
                raise ClientLeft(self.left)
            await self._changed()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def give_back(self, data: bytes) -> None:
        self._buffer[:0] = data

    def stop_reading(self, stop: bool) -> None:
        """Lets the kernel's buffer fill, as a slow reader does. A stopped reader notices no
        leaving."""
        if not self.transport.is_closing() and self.left is None:
            self.transport.pause_reading() if stop else self.transport.resume_reading()

    # -- out

    async def send(self, data: bytes) -> None:
        """Returns when the kernel took all of it; raises ClientLeft as soon as the client is
        gone."""
        if self.transport.is_closing():
            self._note_left("rst")  # a write failed; asyncio will say so a turn later
        if self.left:
            raise ClientLeft(self.left)
        if self._tls is None:
            self.transport.write(data)
        else:
            self._tls.write(data)
            self._flush()
        while self._full:
            await self._changed()
            if self.left:
                raise ClientLeft(self.left)

    async def pause(self, seconds: float) -> None:
        """Waits, unless the client leaves: then ClientLeft."""
        timer = asyncio.get_running_loop().call_later(seconds, self._wake)
        end = timer.when()
        try:
            while asyncio.get_running_loop().time() < end:
                if self.left:
                    raise ClientLeft(self.left)
                await self._changed()
        finally:
            timer.cancel()

    async def until(self, gate) -> None:
        """Waits for a Gate, unless the client leaves: then ClientLeft."""
        with gate.entered(self._wake) as opened:
            while not opened():
                if self.left:
                    raise ClientLeft(self.left)
                await self._changed()

    # -- the ways to end

    async def _delivered(self) -> None:
        """Until the peer's kernel has every byte, so that an RST cannot overtake them (bounded)."""
        raw = self.transport.get_extra_info("socket")
        for _ in range(2000):
            if self.left or self.transport.is_closing():
                return
            waiting = struct.unpack("i", fcntl.ioctl(raw.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
            if waiting == 0 and not self._full:
                return
            await asyncio.sleep(0.001)

    async def end(self, how: str) -> None:
        """"fin": the clean end (close_notify first on TLS); "no_notify": FIN alone on TLS;
        "rst"."""
        if self.transport.is_closing():
            return
        if how == "rst":
            await self._delivered()
            raw = self.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._close()
            return
        if how == "fin" and self._shaken:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass  # the answer to close_notify is not waited for
            self._flush()
        if self.left is None:
            try:
                self.transport.write_eof()
            except OSError:
                pass  # the client's RST is there already, only not yet read
            await self._drain_until_left()
        self._close()

    def _close(self) -> None:
        """With nothing left to send; an end that this side made is not the client's leaving."""
        self._closed_here = True
        self.transport.abort()

    async def _drain_until_left(self) -> None:
        """After FIN what still comes is read and dropped: closing on unread bytes would send
        RST."""
        end = asyncio.get_running_loop().time() + 10
        timer = asyncio.get_running_loop().call_later(10, self._wake)
        try:
            self.stop_reading(False)
            while self.left is None and asyncio.get_running_loop().time() < end:
                self._buffer.clear()
                await self._changed()
        finally:
            timer.cancel()
