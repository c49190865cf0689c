# The fault proxy itself, each fault alone, before anything else stands on it.
import socket
import threading
import unittest

from tests.fakes.fault_proxy import FaultProxy

GUARD = 30.0


class Echo:
    """Sends back what comes, and a FIN for a FIN."""

    def __init__(self, test: unittest.TestCase):
        self.listener = socket.create_server(("127.0.0.1", 0))
        test.addCleanup(self.listener.close)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(one,), daemon=True).start()

    @staticmethod
    def serve(one: socket.socket) -> None:
        with one:
            try:
                while data := one.recv(65536):
                    one.sendall(data)
            except OSError:
                pass


class Faults(unittest.TestCase):
    def setUp(self):
        self.echo = Echo(self)

    def proxy(self, **fault) -> FaultProxy:
        made = FaultProxy(self.echo.listener.getsockname(), **fault)
        self.addCleanup(made.close)
        return made

    def connect(self, proxy: FaultProxy) -> socket.socket:
        one = socket.create_connection(("127.0.0.1", proxy.port), timeout=GUARD)
        self.addCleanup(one.close)
        return one

    @staticmethod
    def receive(one: socket.socket, count: int) -> bytes:
        data = b""
        while len(data) < count and (part := one.recv(count - len(data))):
            data += part
        return data

    def test_nothing_is_changed(self):
        proxy = self.proxy()
        one = self.connect(proxy)
        one.sendall(b"x" * 300000)
        self.assertEqual(300000, len(self.receive(one, 300000)))
        one.shutdown(socket.SHUT_WR)
        self.assertEqual(b"", one.recv(1))
        proxy.wait(up=300000, down=300000)
        self.assertEqual({"up": 300000, "down": 300000}, proxy.bytes)

    def test_refuses_and_heals(self):
        proxy = self.proxy(refuse=True)
        with self.assertRaises(ConnectionRefusedError):
            self.connect(proxy)
        proxy.behave()
        one = self.connect(proxy)
        one.sendall(b"hello")
        self.assertEqual(b"hello", self.receive(one, 5))
        proxy.behave(refuse=True)
        with self.assertRaises(ConnectionRefusedError):
            self.connect(proxy)

    def test_a_black_hole_says_nothing(self):
        proxy = self.proxy(blackhole=True)
        one = self.connect(proxy)
        one.sendall(b"hello")
        one.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            one.recv(1)
        self.assertEqual(0, proxy.bytes["up"])

    def test_resets_after_so_many_bytes(self):
        one = self.connect(self.proxy(reset_down=3))
        one.sendall(b"hello")
        got = b""
        with self.assertRaises(ConnectionResetError):
            while part := one.recv(10):
                got += part
        self.assertIn(got, (b"", b"h", b"he", b"hel"))  # a reset overtakes what was not read
        proxy = self.proxy(reset_up=2)
        one = self.connect(proxy)
        one.sendall(b"hello")
        with self.assertRaises(ConnectionResetError):
            one.recv(10)
            one.recv(10)
        self.assertEqual(2, proxy.bytes["up"])

    def test_closes_after_so_many_bytes(self):
        one = self.connect(self.proxy(close_down=3))
        one.sendall(b"hello")
        self.assertEqual(b"hel", self.receive(one, 10))

    def test_half_closes(self):
        proxy = self.proxy(half_close=3)
        one = self.connect(proxy)
        one.sendall(b"hello")
        self.assertEqual(b"hel", self.receive(one, 10))
        one.sendall(b"more")
        proxy.wait(up=9)

    def test_trickles_and_delays(self):
        proxy = self.proxy(trickle=20)
        one = self.connect(proxy)
        one.sendall(b"x" * 1000)
        first = len(one.recv(1000))
        self.assertLess(first, 1000)  # of fifty seconds' bytes
        proxy.behave(delay=0.01)
        self.assertEqual(1000 - first, len(self.receive(one, 1000 - first)))

    def test_cuts_what_runs(self):
        proxy = self.proxy()
        one = self.connect(proxy)
        one.sendall(b"hello")
        self.receive(one, 5)
        proxy.cut_all()
        with self.assertRaises(ConnectionResetError):
            one.recv(1)


if __name__ == "__main__":
    unittest.main()
