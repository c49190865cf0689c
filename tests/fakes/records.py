# What the model server saw: every connection and every exchange on it, with how it ended and when,
# for tests to read as JSON and to wait on. Owned by the server's event loop. Times are
# CLOCK_MONOTONIC nanoseconds, the same clock as a test's own time.monotonic_ns() on this machine.
import asyncio
import time


class Exchange:
    """One request and what became of it. `state`: open (in work), stalled, and in the end complete,
    aborted (the client left first) or cut (the rule ended it)."""

    def __init__(self, book: "Book", number: int, connection: "Connection", request):
        self._book, self.number, self.connection, self.request = book, number, connection, request
        self.state = "open"
        self.status: int | None = None
        self.sent = self.body_sent = 0
        self.start_ns = time.monotonic_ns()
        self.first_byte_ns: int | None = None
        self.last_byte_ns: int | None = None
        self.end_ns: int | None = None
        self.detail = ""

    def note_sent(self, count: int, body: bool) -> None:
        self.last_byte_ns = time.monotonic_ns()
        self.sent += count
        self.body_sent += count if body else 0
        if self.first_byte_ns is None:
            self.first_byte_ns = self.last_byte_ns
            self._book.wake()

    def set_state(self, state: str, detail: str = "") -> None:
        self.state, self.detail = state, detail or self.detail
        if self.ended:
            self.end_ns = time.monotonic_ns()
        self._book.wake()

    @property
    def ended(self) -> bool:
        return self.state in ("complete", "aborted", "cut")

    def as_json(self) -> dict:
        request, wire = self.request, self.connection.wire
        return {
            "number": self.number, "connection": self.connection.number,
            "on_connection": self.connection.exchanges.index(self), "method": request.method,
            "target": request.target, "path": request.path, "version": request.version,
            "head": request.head.decode("latin-1"), "headers": request.headers, "key": request.key,
            "model": request.model, "body_bytes": request.body_bytes,
            "body_sha256": request.body_hash.hexdigest(), "body_read": request.body_read,
            "body": request.body[:1 << 16].decode("utf-8", "replace"),
            "trailers": request.trailers, "status": self.status, "state": self.state,
            "detail": self.detail, "sent": self.sent, "body_sent": self.body_sent,
            "start_ns": self.start_ns, "first_byte_ns": self.first_byte_ns,
            "last_byte_ns": self.last_byte_ns, "end_ns": self.end_ns,
            "client_left": wire.left if self.state == "aborted" else None,
            "client_left_ns": wire.left_ns if self.state == "aborted" else None}


class Connection:
    """One accepted connection; it lives in the book also when it is over."""

    def __init__(self, number: int, wire):
        self.number, self.wire = number, wire
        self.peer = wire.transport.get_extra_info("peername")
        self.exchanges: list[Exchange] = []
        self.over = False
        self.detail = ""

    def as_json(self) -> dict:
        return {"number": self.number, "peer": list(self.peer or []),
                "requests": len(self.exchanges), "open": not self.over,
                "left": self.wire.left, "left_ns": self.wire.left_ns,
                "accepted_ns": self.wire.accepted_ns, "tls": self.wire.tls_facts,
                "detail": self.detail}


class Book:
    def __init__(self):
        self.connections: list[Connection] = []
        self.exchanges: list[Exchange] = []
        self._connections_so_far = self._exchanges_so_far = 0
        self._waiters: set = set()

    def open_connection(self, wire) -> Connection:
        connection = Connection(self._connections_so_far, wire)
        self._connections_so_far += 1
        self.connections.append(connection)
        self.wake()
        return connection

    def open_exchange(self, connection: Connection, request) -> Exchange:
        exchange = Exchange(self, self._exchanges_so_far, connection, request)
        self._exchanges_so_far += 1
        connection.exchanges.append(exchange)
        self.exchanges.append(exchange)
        self.wake()
        return exchange

    def reset(self) -> None:
        """Forgets what is over; what still runs stays in the book."""
        self.connections = [c for c in self.connections if not c.over]
        self.exchanges = [e for e in self.exchanges if not e.ended]
        self.wake()

    def wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def counts(self) -> dict:
        """What a test may wait for; each number only grows between resets, but for the `_now`
        ones."""
        states = [e.state for e in self.exchanges]
        return {"started": len(states), "ended": sum(e.ended for e in self.exchanges),
                "complete": states.count("complete"), "aborted": states.count("aborted"),
                "cut": states.count("cut"), "stalled_now": states.count("stalled"),
                "streaming_now": sum(e.sent > 0 and not e.ended for e in self.exchanges),
                "connections": len(self.connections),
                "connections_over": sum(c.over for c in self.connections),
                "connections_now": sum(not c.over for c in self.connections)}

    async def wait(self, wanted: dict, seconds: float) -> bool:
        """Until each count is at least what is wanted; False when it took too long."""
        end = asyncio.get_running_loop().time() + seconds
        while any(self.counts()[name] < number for name, number in wanted.items()):
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await asyncio.wait_for(waiter, end - asyncio.get_running_loop().time())
            except asyncio.TimeoutError:
                return False
            finally:
                self._waiters.discard(waiter)
            if len(self.exchanges) > 500:
                await asyncio.sleep(0.02)  # counting thousands at each of their changes costs
        return True
