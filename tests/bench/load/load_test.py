# The load generator against its upstream, both as processes on free ports, over HTTP and TLS: each
# mode for a moment, and its counts held against the upstream's own. Figures of other programs stand
# on these two, so what they count has to be right; how fast they are is no test's matter.
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import socketserver
import subprocess
import threading
import unittest

from tests.fakes import certs
from tests.fakes.child import HANG_GUARD_SECONDS, base_environment

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = pathlib.Path(os.environ.get("CULVERT_BENCH") or ROOT / "build/release/bench")


class Upstream:
    """bench_upstream on two free ports."""

    def __init__(self):
        leaf = certs.server()
        self.process = subprocess.Popen(
            [FOLDER / "bench_upstream", "--http", "0", "--https", "0", "--cert", leaf.cert,
             "--key", leaf.key], env=base_environment(), stdout=subprocess.PIPE, text=True)
        ports = json.loads(self.process.stdout.readline())
        self.ports = {False: ports["http"], True: ports["https"]}

    def counts(self) -> dict:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.ports[False])) as c:
            c.request("GET", "/counts")
            return json.load(c.getresponse())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def raw_answers(answer: bytes):
    """The port of a server that reads one request and says `answer`, and is gone."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self):
            got = b""
            while b"\r\n\r\n" not in got or not got.endswith(b"]}"):
                more = self.request.recv(65536)
                if not more:
                    return
                got += more
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class LoadCase(unittest.TestCase):
    def setUp(self):
        self.upstream = Upstream()
        self.addCleanup(self.upstream.close)

    def start(self, mode: str, *words, tls: bool = False,
              name: str = "localhost") -> subprocess.Popen:
        command = [FOLDER / "bench_load", mode]
        if mode != "pingpong":
            command += ["--to", f"127.0.0.1:{self.upstream.ports[tls]}"]
        if tls:
            command += ["--tls", "--ca", certs.authority().ca_file, "--name", name]
        child = subprocess.Popen([*command, *words], env=base_environment(), text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)

        def end():
            if child.poll() is None:
                child.kill()
            child.communicate()

        self.addCleanup(end)
        return child

    def finish(self, child: subprocess.Popen, code: int = 0) -> dict:
        out, said = child.communicate(timeout=HANG_GUARD_SECONDS)
        self.assertEqual(code, child.returncode, (out, said))
        report = json.loads(out)
        self.assertEqual(report["errors"], sum(report["error_kinds"].values()))
        return report

    def load(self, mode: str, *words, code: int = 0, **where) -> dict:
        return self.finish(self.start(mode, *words, **where), code)

    def wait_for(self, child: subprocess.Popen, word: str) -> None:
        for line in child.stderr:
            if line.strip() == word:
                return
        self.fail(f"bench_load never said {word}")


class Closed(LoadCase):
    def test_counts_what_the_upstream_counts(self):
        for tls in (False, True):
            before = self.upstream.counts()
            report = self.load("closed", "--connections", "5", "--seconds", "0.3", tls=tls)
            after = self.upstream.counts()
            self.assertEqual(0, report["errors"])
            self.assertGreater(report["operations"], 0)
            self.assertLessEqual(report["operations"], report["answers"])
            self.assertEqual(report["requests"], after["requests"] - before["requests"])
            self.assertEqual(report["answers"], report["requests"])
            self.assertEqual(report["requests"] * 1024,
                             after["body_bytes"] - before["body_bytes"])
            self.assertEqual(5 if tls else 0, after["handshakes"] - before["handshakes"])
            times = report["latency_us"]
            self.assertTrue(0 < times["p50"] <= times["p90"] <= times["p99"] <= times["max"])

    def test_a_connection_for_each_request(self):
        report = self.load("closed", "--connections", "3", "--seconds", "0.3",
                           "--new-connection", tls=True)
        counts = self.upstream.counts()
        self.assertEqual(report["requests"], counts["requests"])
        self.assertGreaterEqual(counts["handshakes"], counts["requests"])
        self.assertEqual((0, 0), (report["resumed"], counts["resumed"]))

    def test_sessions_are_resumed_when_told(self):
        report = self.load("closed", "--connections", "1", "--seconds", "0.3",
                           "--new-connection", "--resume", tls=True)
        self.assertGreater(report["handshakes"], 1)
        self.assertEqual(report["handshakes"] - 1, report["resumed"], "all but the first one")
        self.assertEqual(report["resumed"], self.upstream.counts()["resumed"])

    def test_a_peer_that_closes_is_no_error(self):
        report = self.load("closed", "--connections", "2", "--seconds", "0.2", "--header",
                           "Connection: close")
        self.assertEqual(0, report["errors"])
        self.assertGreater(report["reconnects"], 0)
        self.assertEqual(report["requests"], self.upstream.counts()["requests"])

    def test_an_upstream_that_is_told_to_close(self):
        report = self.load("closed", "--connections", "2", "--seconds", "0.2", "--path",
                           "/v1/chat/completions?close")
        self.assertEqual(0, report["errors"])
        counts = self.upstream.counts()
        self.assertEqual(report["requests"], counts["requests"])
        # One more for /counts, and for each of the two one that may not have asked yet.
        self.assertIn(counts["connections"] - counts["requests"], (1, 2, 3))


class Open(LoadCase):
    def test_sends_what_the_rate_says(self):
        for words in ((), ("--new-connection",)):
            before = self.upstream.counts()["requests"]
            report = self.load("open", "--connections", "4", "--seconds", "0.5", "--rate", "200",
                               *words, tls=bool(words))
            self.assertEqual(0, report["errors"])
            self.assertEqual((100, 100), (report["scheduled"], report["requests"]))
            self.assertEqual(100, self.upstream.counts()["requests"] - before)


class Streams(LoadCase):
    def test_every_event_arrives_in_order(self):
        for tls in (False, True):
            before = self.upstream.counts()
            report = self.load("sse", "--connections", "40", "--rate", "50", "--events", "20",
                               tls=tls)
            after = self.upstream.counts()
            self.assertEqual(0, report["errors"], report)
            self.assertEqual((800, 800), (report["events"], report["events_expected"]))
            self.assertEqual(800, after["events"] - before["events"])
            self.assertEqual(40, after["streams"] - before["streams"])
            lacks = ("missing", "out_of_order", "unstamped", "streams_cut")
            self.assertEqual([0] * 4, [report[name] for name in lacks])

    def test_events_are_as_long_as_they_are_told(self):
        with contextlib.closing(http.client.HTTPConnection(
                "127.0.0.1", self.upstream.ports[False])) as connection:
            connection.request("POST", "/v1", b'{"bench": "sse,rate=500,events=3,bytes=150"}')
            text = connection.getresponse().read()
        events = text.split(b"\n\n")
        self.assertEqual([148, 148], [len(event) for event in events[:2]])
        last = json.loads(events[2].removeprefix(b"data: "))
        self.assertEqual("stop", last["choices"][0]["finish_reason"])
        self.assertEqual(3, last["usage"]["completion_tokens"])
        self.assertEqual([b"data: [DONE]", b""], events[3:])

    def test_streams_that_are_cut_are_told(self):
        child = self.start("sse", "--connections", "4", "--rate", "10", "--events", "100000")
        self.wait_for(child, "ready")
        self.upstream.kill()
        report = self.finish(child, code=1)
        self.assertEqual(4, report["error_kinds"]["short"], report["error_kinds"])
        self.assertEqual((4, 4), (report["errors"], report["streams_cut"]))
        self.assertEqual(report["events_expected"] - report["events"], report["missing"])


class Idle(LoadCase):
    def test_held_connections_are_asked_again(self):
        for end in ("stdin", "signal"):
            child = self.start("idle", "--connections", "70", tls=True)
            self.wait_for(child, "ready")
            if end == "stdin":
                child.stdin.close()
                child.stdin = None
            else:
                child.send_signal(signal.SIGTERM)
            report = self.finish(child)
            self.assertEqual((70, 70, 0, 0),
                             tuple(report[name] for name in
                                   ("held", "operations", "lost", "failed_after")))
            self.assertEqual(140, report["requests"])

    def test_the_end_may_come_before_all_are_open(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.upstream.ports[False] = silent.getsockname()[1]
            child = self.start("idle", "--connections", "70")
            child.stdin.close()
            child.stdin = None
            report = self.finish(child)
        self.assertEqual((0, 0), (report["held"], report["operations"]))

    def test_lost_connections_are_told(self):
        child = self.start("idle", "--connections", "5")
        self.wait_for(child, "ready")
        self.upstream.kill()
        child.send_signal(signal.SIGTERM)
        report = self.finish(child, code=1)
        self.assertEqual((5, 0), (report["errors"], report["operations"]))
        self.assertEqual(5, report["error_kinds"]["closed"])
        self.assertEqual(5, report["failed_after"])


class Bulk(LoadCase):
    def test_all_bytes_go_both_ways(self):
        size = 3_000_000
        for tls in (False, True):
            down = self.load("bulk", "--bytes", str(size), "--seconds", "0.2", tls=tls)
            self.assertEqual(0, down["errors"])
            self.assertGreaterEqual(down["bytes_in"], down["operations"] * size)
            before = self.upstream.counts()["body_bytes"]
            up = self.load("bulk", "--direction", "up", "--bytes", str(size), "--seconds", "0.2",
                           tls=tls)
            self.assertEqual(0, up["errors"])
            self.assertGreater(up["operations"], 0)
            self.assertEqual(up["requests"] * size,
                             self.upstream.counts()["body_bytes"] - before)


class Alone(LoadCase):
    def test_pingpong(self):
        report = self.load("pingpong", "--seconds", "0.1", "--bytes", "100")
        self.assertEqual(0, report["errors"])
        self.assertGreater(report["operations"], 0)


class Errors(LoadCase):
    def kinds(self, report: dict) -> set:
        return {kind for kind, count in report["error_kinds"].items() if count > 0}

    def test_an_upstream_that_dies(self):
        child = self.start("closed", "--connections", "4", "--seconds", "1")
        self.wait_for(child, "ready")
        self.upstream.kill()
        report = self.finish(child, code=1)
        self.assertIn("connect", self.kinds(report))
        self.assertLessEqual(self.kinds(report), {"connect", "closed", "short"})
        lost = report["error_kinds"]["closed"] + report["error_kinds"]["short"]
        self.assertEqual(4, lost, "one for each request that was under way")

    def test_nobody_listens(self):
        self.upstream.kill()
        report = self.load("closed", "--seconds", "0.1", code=1)
        self.assertEqual({"connect"}, self.kinds(report))
        tolerated = self.load("open", "--seconds", "0.1", "--tolerate", "--timeout", "0.1")
        self.assertIn("connect", self.kinds(tolerated))

    def test_a_stranger_answers(self):
        report = self.load("closed", "--seconds", "0.1", tls=True, name="other.example", code=1)
        self.assertEqual({"tls"}, self.kinds(report))
        self.assertEqual(0, report["operations"])

    def test_an_answer_that_never_comes(self):
        # Hello in TLS to who reads HTTP: it waits for the end of the head.
        self.upstream.ports[True] = self.upstream.ports[False]
        report = self.load("closed", "--seconds", "0.1", "--timeout", "0.2", tls=True, code=1)
        self.assertEqual({"timeout"}, self.kinds(report))

    def test_an_answer_of_another_status(self):
        fixed = b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        with raw_answers(fixed) as port:
            self.upstream.ports[False] = port
            report = self.load("open", "--rate", "10", "--seconds", "0.3", code=1)
        self.assertEqual(({"status"}, 3), (self.kinds(report), report["errors"]))
        self.assertEqual(0, report["operations"])

    def test_an_answer_that_is_none(self):
        for fixed, kind in ((b"NO HTTP\r\n\r\n", "parse"),
                            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123", "short"),
                            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz", "parse"),
                            (b"", "closed")):
            with raw_answers(fixed) as port:
                self.upstream.ports[False] = port
                report = self.load("open", "--rate", "10", "--seconds", "0.3", code=1)
            self.assertEqual(({kind}, 3), (self.kinds(report), report["errors"]), fixed)

    def test_what_cannot_begin(self):
        child = self.start("closed", "--body", "/nowhere/at/all")
        out, said = child.communicate(timeout=HANG_GUARD_SECONDS)
        self.assertEqual((2, ""), (child.returncode, out))
        self.assertIn("/nowhere/at/all", said)


if __name__ == "__main__":
    unittest.main()
