# Upstreams that fail in one exact way, or in one way after the other, and write down what reached
# them: each request by the base path that it came to, how much of it came, and what was answered.
# Owned by one test. Built on raw_upstream.py, because the model server answers every request that
# it has read, and half of these failures come before.
import re
import socket
import threading
import time
from dataclasses import dataclass
from typing import Callable

from tests.fakes import certs
from tests.fakes.raw_upstream import RawUpstream, UpstreamConnection
from tests.fakes.tls_socket import TlsSocket

BASE = re.compile(rb"^\w+ /([\w-]+)/")
HEAD_END = b"\r\n\r\n"


@dataclass
class Call:
    """What came of one request on one connection."""

    base: str  # the first segment of its path: whose call it is
    method: str
    received: bytes
    answered: int | None  # the status, if its head was sent whole
    at_ns: int            # when the connection was accepted, CLOCK_MONOTONIC

    @property
    def head_whole(self) -> bool:
        return HEAD_END in self.received

    @property
    def body(self) -> bytes:
        return self.received.partition(HEAD_END)[2]

    def field(self, name: str) -> str | None:
        found = re.search(rb"(?im)^" + name.encode() + rb": *(.*?)\r$", self.received)
        return found[1].decode() if found else None

    @property
    def may_have_acted(self) -> bool:
        """A byte of the body came, or the whole of a request without one; and no word that it was
        refused."""
        exposed = bool(self.body) or (self.head_whole and not self.field("content-length"))
        return exposed and (self.answered is None or self.answered < 400)


class Conversation:
    """One connection, as the script of a failure sees it."""

    def __init__(self, connection: UpstreamConnection, secure: bool):
        self.raw, self.secure, self.answered = connection, secure, None

    def handshake(self, certificate=None) -> None:
        if self.secure:
            context = (certificate or certs.server()).server_context()
            self.raw.link = TlsSocket(self.raw.socket, context, server=True)

    def read(self, share: float = 1.0) -> None:
        """The head and so much of the body."""
        head = self.raw.recv_head()
        found = re.search(rb"(?i)content-length: *(\d+)", head)
        self.raw.recv_exactly(int(int(found[1]) * share) if found else 0)

    def answer(self, status: int, fields: str = "", body: str = "{}") -> None:
        self.answered = status
        self.raw.send(f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n{fields}"
                      f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}")

    def begin(self, fields: str, body: str) -> None:
        """An answer of 200 that does not come to its end."""
        self.answered = 200
        self.raw.send(f"HTTP/1.1 200 OK\r\n{fields}\r\n{body}")

    def end(self, how: str) -> None:
        """"close", "fin" (this side still reads), "rst"; or "wait" until the other side goes."""
        if how != "wait":
            getattr(self.raw, how)()
        if how in ("fin", "wait"):
            self.raw.recv_end()


Script = Callable[[Conversation], None]


def well(talk: Conversation) -> None:
    talk.handshake()
    talk.read()
    talk.answer(200, body='{"well": true}')
    talk.end("wait")


class FailingUpstream(RawUpstream):
    """Does `scripts` to its connections: the first to the first and so on, the last to all that
    follow. behave() begins anew."""

    def __init__(self, *scripts: Script, tls: bool = False):
        self.calls: list[Call] = []
        self._plan, self._since = list(scripts), 0
        self._lock = threading.Lock()
        super().__init__(self._serve, certs.server().server_context() if tls else None,
                         handshake=False)

    def behave(self, *scripts: Script) -> None:
        with self._lock:
            self._plan, self._since = list(scripts), len(self.connections)

    def _serve(self, connection: UpstreamConnection) -> None:
        at_ns = time.monotonic_ns()
        with self._lock:
            script = self._plan[min(connection.number - self._since, len(self._plan) - 1)]
        talk = Conversation(connection, self.scheme == "https")
        try:
            script(talk)
        finally:
            received = connection.received if connection.link is not connection.socket or (
                not talk.secure) else b""  # a ClientHello is no request
            if found := BASE.search(received):
                self.calls.append(Call(found[1].decode(), received.split(b" ", 1)[0].decode(),
                                       received, talk.answered, at_ns))


class Unreachable:
    """A port that a connection never comes to: "refused", or "blackhole", whose queue of
    connections is full, so that the system drops what asks for one."""

    scheme = "http"

    def __init__(self, how: str):
        self.calls: list[Call] = []
        self._sockets = [socket.socket()]
        self._sockets[0].bind(("127.0.0.1", 0))
        self.address = self._sockets[0].getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        if how == "blackhole":
            self._sockets[0].listen(0)
            for _ in range(3):
                waiting = socket.socket()
                waiting.setblocking(False)
                waiting.connect_ex(self.address)
                self._sockets.append(waiting)

    def close(self, check: bool = True) -> None:
        for one in self._sockets:
            one.close()


class Nameless:
    """A name that is none (RFC 6761 §6.4)."""

    scheme, url = "http", "http://nowhere.invalid"

    def __init__(self):
        self.calls: list[Call] = []

    def close(self, check: bool = True) -> None:
        pass
