# A TCP proxy that fails as told, between a client and a server that do not know of it: owned by one
# test, on loopback, any free port. What it does can be changed while it runs; a change of `delay`,
# `trickle` and the resets holds for running connections too. Counts what it carried. By hand:
#   python3 -m tests.fakes.fault_proxy --to 127.0.0.1:8080 --port 9000 --fault reset-down=100
import argparse
import dataclasses
import socket
import struct
import threading

SLICE = 65536


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens to connections; the default is nothing. `up` is from client to server.

    refuse      connecting is refused: nobody listens
    blackhole   accepted, never answered, nothing passed on
    delay       seconds that each piece waits, either way
    trickle     bytes a second, either way; 0: no limit
    reset_up    the client is reset when it has sent so many bytes (0: at once); None: never
    reset_down  the client is reset when it has received so many bytes
    close_up    as reset_up, with a clean end to both sides instead
    close_down  as reset_down, likewise
    half_close  a FIN to the client when it has received so many bytes; the way up stays open
    """

    refuse: bool = False
    blackhole: bool = False
    delay: float = 0.0
    trickle: int = 0
    reset_up: int | None = None
    reset_down: int | None = None
    close_up: int | None = None
    close_down: int | None = None
    half_close: int | None = None

    def limit(self, way: str) -> tuple[int | None, str]:
        """After how many bytes that way what happens."""
        ends = [(getattr(self, f"reset_{way}"), "reset"), (getattr(self, f"close_{way}"), "close")]
        if way == "down":
            ends.append((self.half_close, "half_close"))
        told = [end for end in ends if end[0] is not None]
        return min(told) if told else (None, "")


NONE = Fault()


def reset(one: socket.socket) -> None:
    """Ends with RST, whatever waits."""
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    one.close()


class Link:
    """One client's connection and the one to the server, a thread for each way."""

    def __init__(self, proxy: "FaultProxy", client: socket.socket):
        self.proxy, self.client = proxy, client
        self.server: socket.socket | None = None
        self.bytes = {"up": 0, "down": 0}
        self.gone = threading.Event()

    def run(self) -> None:
        if self.proxy.fault.blackhole:
            self.gone.wait()
            return
        try:
            self.server = socket.create_connection(self.proxy.to)
        except OSError:
            self.end("reset")
            return
        down = threading.Thread(target=self.carry, args=("down", self.server, self.client),
                                daemon=True)
        down.start()
        self.carry("up", self.client, self.server)
        down.join()
        self.end("close")

    def carry(self, way: str, source: socket.socket, sink: socket.socket) -> None:
        try:
            while not self.gone.is_set():
                if self.cut(way):
                    return
                data = source.recv(self.room(way))
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                if self.gone.wait(self.pace(len(data))):
                    return
                sink.sendall(data)
                self.bytes[way] += len(data)
                self.proxy.count(way, len(data))
        except OSError:
            self.end("reset")

    def room(self, way: str) -> int:
        """How much may be read, so that the limits are met to the byte."""
        fault = self.proxy.fault
        most = max(1, fault.trickle // 20) if fault.trickle else SLICE
        limit, _ = fault.limit(way)
        return most if limit is None else max(1, min(most, limit - self.bytes[way]))

    def pace(self, size: int) -> float:
        fault = self.proxy.fault
        return fault.delay + (size / fault.trickle if fault.trickle else 0)

    def cut(self, way: str) -> bool:
        limit, how = self.proxy.fault.limit(way)
        if limit is None or self.bytes[way] < limit:
            return False
        if how == "half_close":
            self.client.shutdown(socket.SHUT_WR)
            return True
        self.end(how)
        return True

    def end(self, how: str) -> None:
        if self.gone.is_set():
            return
        self.gone.set()
        for one in (self.client, self.server):
            if one is None:
                continue
            try:
                one.shutdown(socket.SHUT_RDWR if how == "close" else socket.SHUT_RD)
            except OSError:
                pass
            (reset if how == "reset" else socket.socket.close)(one)


class FaultProxy:
    """A context manager. `behave(reset_down=100)` says what happens from now on; `behave()` heals.
    """

    def __init__(self, to: tuple[str, int], port: int = 0, **fault):
        self.to, self.fault = to, Fault(**fault)
        self.links: list[Link] = []
        self.bytes = {"up": 0, "down": 0}
        self.accepted = 0
        self._changed = threading.Condition()
        self._listener: socket.socket | None = None
        self._listen(port)
        self.port = self._port
        if self.fault.refuse:
            self._stop_listening()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def behave(self, **fault) -> None:
        self.fault = Fault(**fault)
        if self.fault.refuse:
            self._stop_listening()
        elif self._listener is None:
            self._listen(self.port)

    def cut_all(self, how: str = "reset") -> None:
        """Ends what runs now: "reset" or "close"."""
        for link in list(self.links):
            link.end(how)

    def count(self, way: str, size: int) -> None:
        with self._changed:
            self.bytes[way] += size
            self._changed.notify_all()

    def wait(self, seconds: float = 60.0, *, accepted: int = 0, up: int = 0, down: int = 0) -> None:
        """Until so many connections were accepted, or so many bytes carried."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.accepted >= accepted and
                                          self.bytes["up"] >= up and self.bytes["down"] >= down,
                                          seconds):
                raise AssertionError(f"hang guard: {self.accepted} accepted, {self.bytes}")

    def close(self) -> None:
        self._stop_listening()
        self.cut_all()

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _stop_listening(self) -> None:
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        try:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept(2)
        except OSError:
            pass
        listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(self, client)
            with self._changed:
                self.links.append(link)
                self.accepted += 1
                self._changed.notify_all()
            threading.Thread(target=link.run, daemon=True).start()


def fault_of(words: list[str]) -> dict:
    """["reset-down=100", "refuse"] as Fault takes it."""
    types = {field.name: field.type for field in dataclasses.fields(Fault)}
    told = {}
    for word in words:
        name, _, value = word.replace("-", "_", word.partition("=")[0].count("-")).partition("=")
        if name not in types:
            raise SystemExit(f"{word}: known are {', '.join(types)}")
        told[name] = (True if types[name] is bool else float(value) if types[name] is float
                      else int(value))
    return told


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", nargs="*", default=[], metavar="NAME[=VALUE]")
    given = parser.parse_args()
    host, _, port = given.to.rpartition(":")
    with FaultProxy((host, int(port)), given.port, **fault_of(given.fault)) as proxy:
        print(f"ready on 127.0.0.1:{proxy.port}", flush=True)
        while line := input("faults, or an empty line to end: ").split():
            proxy.behave(**fault_of([] if line == ["none"] else line))
            print(proxy.fault, proxy.bytes, flush=True)


if __name__ == "__main__":
    main()
