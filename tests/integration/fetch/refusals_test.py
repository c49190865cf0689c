# What an upstream of HTTP/2 can show of a request that it does not answer, and that none is ever
# sent twice: Node.js refuses and breaks off on purpose, and counts what it was asked.
import pathlib
import shutil
import subprocess
import unittest

from tests.fakes import certs
from tests.integration.fetch.support import Events, drive, head, program, stop

SERVER = pathlib.Path(__file__).with_name("refusing.mjs")


@unittest.skipUnless(shutil.which("node"), "Node.js is not installed")
class Refusals(unittest.TestCase):
    def setUp(self):
        good = certs.server()
        self.server = subprocess.Popen([program("node"), str(SERVER), good.cert, good.key],
                                       stdout=subprocess.PIPE)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(stop, self.server)
        self.port = int(self.server.stdout.readline())

    def ask(self, path: str, *words: str, body: bytes = b"body") -> Events:
        return drive(head("POST", path, Content_Length=len(body)) + body, self.port, *words)

    def asked(self) -> list[bytes]:
        stop(self.server)
        return self.server.stdout.read().split(b"\n")[:-1]

    def test_a_refused_stream_was_not_taken(self):
        for body in (b"", b"body"):
            failed = self.ask("/refused", body=body).one("failed")
            self.assertEqual(("upstream_closed", True), (failed["code"], failed["untouched"]),
                             failed)
        self.assertEqual([b"POST /refused"] * 2, self.asked())

    def test_anything_else_may_have_been_taken(self):
        for path in ("/broken", "/gone"):
            failed = self.ask(path).one("failed")
            self.assertEqual(("upstream_closed", False), (failed["code"], failed["untouched"]),
                             failed)
        self.assertEqual([b"POST /broken", b"POST /gone"], self.asked())

    def test_a_connection_is_used_again(self):
        events = self.ask("/fine", "--times", "2")
        self.assertEqual([False, True], [one["reused"] for one in events.of("connected")])
        self.assertEqual([b"POST /fine"] * 2, self.asked())

    def test_early_hints_and_trailers(self):
        events = self.ask("/early")
        self.assertEqual(103, events.one("interim")["status"])
        self.assertNotIn("x-trailer", events.one("head")["fields"])
        self.assertEqual(2, events.one("end")["received"])


if __name__ == "__main__":
    unittest.main()
