# A relay that knows several addresses of its service: it takes the first that answers, and stays.
import socket
import threading

from tests.fakes.control import free_port
from tests.integration.fleet.support import FleetCase, house, route

CHAT = "/house/v1/chat/completions"


class Way:
    """A port that leads to the service while it is open. Threads carry the bytes; close() ends
    them with their connections."""

    def __init__(self, port: int, to: str):
        host, _, number = to.rpartition(":")
        self._to = (host, int(number))
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", port))
        self._start(self._accept)

    def _start(self, target, *arguments) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(self._to)
            self._ends += [near, far]
            self._start(self._carry, near, far)
            self._start(self._carry, far, near)

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()


class Addresses(FleetCase):
    def test_the_first_that_answers_is_kept(self):
        first, second = free_port(), free_port()
        there = Way(second, self.control.address)
        (relay,) = self.join("one", start=False)
        relay.command += ["--control", f"127.0.0.1:{first},127.0.0.1:{second}"]
        relay.start()
        token = self.client_token()
        self.control.apply(house(self.models))
        self.wait_until_served([relay], CHAT, token)
        relay.wait_for_message("the control service cannot be reached; what runs stays")
        self.assertEqual(there.connections, 1)

        back = Way(first, self.control.address)
        self.addCleanup(back.close)
        for prefix in ("/s", "/t"):
            self.control.apply(route("short", prefix).removeprefix("---\n"))
            self.wait_until_served([relay], prefix + "/v1/chat/completions", token)
        self.assertEqual((back.connections, there.connections), (0, 1))
        connected = [line for line in list(relay.log)
                     if line.get("msg") == "connected to the control service"]
        self.assertEqual(len(connected), 1)

        there.close()
        relay.wait_for_message("connected to the control service", count=2)
        self.assertEqual(back.connections, 1)
        self.control.apply(route("short", "/u").removeprefix("---\n"))
        self.wait_until_served([relay], "/u/v1/chat/completions", token)
        self.control.wait_for(self.statuses, lambda all: all["one"]["connected"])
