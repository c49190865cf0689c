# A cut never looks complete: recorded streams of every dialect, cut at every byte in every way that
# a connection, a framing or a model can break off. Each cut is one exchange of its own through the
# real relay; what counts is how the client's transfer ends. CULVERT_CUT_STRIDE=n tries every nth
# byte only, for slow builds (sanitizers).
import json
import os
import unittest
from concurrent.futures import ThreadPoolExecutor

from tests.fakes import certs
from tests.fakes.models import Models
from tests.fakes.raw_client import FIN, CLOSE_NOTIFY, Response, exchange
from tests.fakes.relay import Relay
from tests.integration.life import asking
from tests.integration.life.cut_upstream import CutUpstream
from tests.integration.life.recordings import Recording, error_event, recordings

CLIENTS = 48
STRIDE = int(os.environ.get("CULVERT_CUT_STRIDE", "1"))


class Cut:
    """One exchange: what was asked for, what the client got."""

    def __init__(self, recording: Recording, kind: str, at: int, end: str, version: str = "1.1"):
        self.recording, self.kind, self.at, self.end = recording, kind, at, end
        self.version = version
        self.answer = Response()

    def run(self, address: str, tls=None) -> "Cut":
        plan = {"recording": self.recording.name, "kind": self.kind, "at": self.at,
                "end": self.end}
        request = asking.post(self.recording.path, self.recording.request | {"plan": plan},
                              version=self.version)
        self.answer = exchange(address, request, tls, "POST")
        return self

    @property
    def body_sent(self) -> int:
        """So many bytes of the body left the upstream."""
        return self.recording.arrived[self.at] if self.kind == "wire" else self.at

    @property
    def in_head(self) -> bool:
        return self.kind == "wire" and self.at < len(self.recording.head)

    def __repr__(self):
        return (f"{self.recording.name} {self.kind} at {self.at} by {self.end}: status "
                f"{self.answer.status}, {self.answer.ended}, {len(self.answer.body)} bytes of "
                f"{self.body_sent}, tail {self.answer.body[-120:]!r}")


class Cuts(unittest.TestCase):
    tls = False

    @classmethod
    def setUpClass(cls):
        recordings()

    def start(self, timeouts: dict | None = None, threads: int = CLIENTS + 16) -> Relay:
        context = certs.server().server_context() if self.tls else None
        upstream = self.enterContext(CutUpstream(threads, context))
        env = {f"PROXY_{name}_TARGET": upstream.url for name in ("OPENAI", "ANTHROPIC", "GEMINI")}
        env |= {"GEMINI_SPECIAL_HANDLING_ENABLED": "false",
                "SSL_CERT_FILE": certs.authority().ca_file} | (timeouts or {})
        return Relay.for_test(self, env)

    def run_all(self, relay: Relay, cuts: list[Cut]) -> list[Cut]:
        with ThreadPoolExecutor(CLIENTS) as clients:
            return list(clients.map(lambda cut: cut.run(relay.http), cuts))

    def judge(self, relay: Relay, cuts: list[Cut], stage: str | None = "body") -> None:
        """None looks complete, each says so where it can, each is in the log and the metric."""
        begun = [c for c in cuts if c.answer.status == 200]
        silent = [c for c in begun if c.answer.complete]
        by_name = {name: sum(c.recording.name == name for c in cuts) for name in recordings()}
        print(f"\n  {self.id().rpartition('.')[2]}: {len(cuts)} cuts {by_name}, refused with an "
              f"error {len(cuts) - len(begun)}, unfinished {len(begun) - len(silent)}, silently "
              f"complete: {len(silent)}", flush=True)
        self.assertEqual(silent, [])
        for cut in cuts:
            if cut.answer.status == 200:
                self.judge_begun(cut)
            else:
                self.judge_refused(cut)
        self.judge_log(relay, len(begun), stage)

    def judge_refused(self, cut: Cut) -> None:
        """Only what was cut before the answer's head was whole; an error of the relay's own."""
        answer = cut.answer
        self.assertTrue(cut.in_head, cut)
        self.assertIn(answer.status, (502, 504), cut)
        self.assertEqual((answer.ended, answer.get("x-proxy-error")), ("complete", "true"), cut)
        self.assertIn("error", json.loads(answer.body), cut)

    def judge_begun(self, cut: Cut) -> None:
        self.assertFalse(cut.in_head, cut)
        self.assertNotIn(cut.answer.ended, (CLOSE_NOTIFY,), cut)
        sent, got = cut.recording.body[:cut.body_sent], cut.answer.body
        if cut.end == "rst" and not got.startswith(sent):
            self.assertTrue(sent.startswith(got), cut)  # the reset overtook the last bytes
            return
        self.assertEqual(got[:len(sent)], sent, cut)
        said = error_event(got[len(sent):]) if got[len(sent):] else None
        if cut.kind == "length":  # an event of the relay's would fill the announced length up
            self.assertEqual(got, sent, cut)
        elif cut.recording.between_events(len(sent)):
            self.assertIsNotNone(said, cut)
            self.assertIn("body", json.dumps(said), cut)
        elif not (sent + b"\n").endswith(b"\r\n\r\n"):  # an LF may follow what CR has ended
            self.assertEqual(got[len(sent):], b"", cut)

    def judge_log(self, relay: Relay, begun: int, stage: str | None) -> None:
        lines = relay.wait_for_log(lambda line: line["outcome"] == "truncated", begun)
        self.assertEqual(len(lines), begun)
        self.assertEqual({line["stage"] for line in lines}, {stage})
        self.assertEqual({line["status"] for line in lines}, {200})
        self.assertTrue(all(line["error"] for line in lines))
        metrics = relay.metrics()
        self.assertEqual(metrics.sum("culvert_truncated_total"), begun)
        self.assertEqual(metrics.sum("culvert_truncated_total", stage=stage), begun)
        self.assertEqual(metrics.sum("culvert_requests_total", outcome="truncated"), begun)

    def every(self, kind: str, end: str, **more) -> list[Cut]:
        """A cut at every byte of the wire or of the body, of every dialect; what is whole is none.
        """
        cuts = []
        for recording in recordings().values():
            last = len(recording.wire) if kind == "wire" else len(recording.body)
            if kind == "no_marker":
                last = recording.marker_end - (2 if recording.body.endswith(b"\r\n\r\n") else 0)
            if kind in ("bad_chunk", "no_last_chunk") or end == "no_notify":
                last += 1  # also when every byte of the body came
            cuts += [Cut(recording, kind, at, end, **more) for at in range(0, last, STRIDE)]
        return cuts


class Plain(Cuts):
    def test_whole_streams_pass_unchanged(self):
        """What all the others are measured by: uncut, each is complete and is no truncation."""
        relay = self.start()
        wholes = [Cut(r, "wire", len(r.wire), "fin") for r in recordings().values()]
        for cut in self.run_all(relay, wholes):
            self.assertEqual((cut.answer.status, cut.answer.ended), (200, "complete"), cut)
            self.assertEqual(cut.answer.body, cut.recording.body)
        relay.wait_for_log(lambda line: line["outcome"] == "ok", len(wholes))
        self.assertEqual(relay.metrics().sum("culvert_truncated_total"), 0)

    def test_fin_at_every_byte(self):
        relay = self.start()
        self.judge(relay, self.run_all(relay, self.every("wire", "fin")))

    def test_rst_at_every_byte(self):
        relay = self.start()
        self.judge(relay, self.run_all(relay, self.every("wire", "rst")))

    def test_fin_before_the_length_is_reached(self):
        relay = self.start()
        self.judge(relay, self.run_all(relay, self.every("length", "fin")))

    def test_bad_chunk_after_every_byte(self):
        relay = self.start()
        self.judge(relay, self.run_all(relay, self.every("bad_chunk", "fin")))

    def test_missing_last_chunk_after_every_byte(self):
        relay = self.start()
        self.judge(relay, self.run_all(relay, self.every("no_last_chunk", "fin")))

    def test_a_good_framing_without_the_end_marker(self):
        relay = self.start()
        self.judge(relay, self.run_all(relay, self.every("no_marker", "fin")))

    def test_a_close_delimited_stream_without_the_end_marker(self):
        """The end of the connection is no end of the stream: only its marker is."""
        relay = self.start()
        cuts = []
        for recording in recordings().values():
            last = recording.marker_end - (2 if recording.body.endswith(b"\r\n\r\n") else 0)
            cuts += [Cut(recording, "close", at, "fin") for at in range(0, last, STRIDE)]
        self.judge(relay, self.run_all(relay, cuts))

    def test_clients_of_http_1_0_see_a_reset(self):
        """Their bodies end with the connection, so only a reset can say that one is not whole."""
        relay = self.start()
        recording = recordings()["gemini"]
        cuts = [Cut(recording, "wire", at, "fin", version="1.0")
                for at in range(len(recording.head), len(recording.wire), STRIDE)]
        for cut in self.run_all(relay, cuts):
            self.assertEqual((cut.answer.status, cut.answer.framing), (200, "close"), cut)
            self.assertNotIn(cut.answer.ended, ("complete", FIN), cut)
        print(f"\n  HTTP/1.0: {len(cuts)} cuts, silently complete: 0", flush=True)

    def test_stall_after_every_byte(self):
        relay = self.start({"CULVERT_TIMEOUT_IDLE": "250ms", "CULVERT_TIMEOUT_FIRST_BYTE": "250ms"},
                           threads=4 * CLIENTS)
        cuts = self.every("no_last_chunk", "stall")
        with ThreadPoolExecutor(3 * CLIENTS) as clients:
            list(clients.map(lambda cut: cut.run(relay.http), cuts))
        self.judge(relay, cuts)

    def test_first_byte_timeout_inside_the_head(self):
        relay = self.start({"CULVERT_TIMEOUT_FIRST_BYTE": "250ms"}, threads=4 * CLIENTS)
        recording = recordings()["gemini"]
        cuts = [Cut(recording, "wire", at, "stall")
                for at in range(0, len(recording.head), STRIDE)]
        with ThreadPoolExecutor(3 * CLIENTS) as clients:
            list(clients.map(lambda cut: cut.run(relay.http), cuts))
        self.assertEqual({(c.answer.status, c.answer.ended, c.answer.get("x-proxy-stage"))
                          for c in cuts}, {(504, "complete", "first_byte")})


class Tls(Cuts):
    tls = True

    def test_tls_end_without_close_notify(self):
        """A body that ends with the connection is whole only with TLS's own end, even where every
        byte of it came."""
        relay = self.start()
        self.judge(relay, self.run_all(relay, self.every("close", "no_notify")))

    def test_close_notify_ends_a_whole_close_delimited_stream(self):
        relay = self.start()
        wholes = [Cut(r, "close", len(r.body), "fin") for r in recordings().values()]
        for cut in self.run_all(relay, wholes):
            self.assertEqual((cut.answer.status, cut.answer.ended, cut.answer.body),
                             (200, "complete", cut.recording.body), cut)


class ClientsOverTls(Cuts):
    def test_the_cut_reaches_a_tls_client_unfinished(self):
        """The client's own side: no last chunk, and no close_notify that would call it a proper
        end."""
        files = certs.server()
        upstream = self.enterContext(CutUpstream(CLIENTS))
        relay = Relay.for_test(self, {
            "PROXY_GEMINI_TARGET": upstream.url, "GEMINI_SPECIAL_HANDLING_ENABLED": "false",
            "CULVERT_LISTEN": "https://127.0.0.1:0", "CULVERT_TLS_CERT": files.cert,
            "CULVERT_TLS_KEY": files.key})
        recording = recordings()["gemini"]
        context = certs.authority().client_context()
        cuts = [Cut(recording, "wire", at, "fin")
                for at in range(len(recording.head), len(recording.wire), 8 * STRIDE)]
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(lambda cut: cut.run(relay.https, context), cuts))
        for cut in cuts:
            self.judge_begun(cut)
            self.assertFalse(cut.answer.complete, cut)
        self.judge_log(relay, len(cuts), "body")


class ErrorEvents(Cuts):
    def test_an_upstreams_error_event_ends_unfinished(self):
        """The vendor's own error in the stream, after every event, then a good end of framing."""
        models = self.enterContext(Models())
        env = {f"PROXY_{name}_TARGET": models.url for name in ("OPENAI", "ANTHROPIC", "GEMINI")}
        relay = Relay.for_test(self, env | {"GEMINI_SPECIAL_HANDLING_ENABLED": "false"})
        tried = 0
        for recording in recordings().values():
            for after in range(len(recording.event_ends()) - 1):
                models.reset()
                models.behave(text="Hé 流!", deltas=2, error_event={"after": after, "code": 500})
                answer = exchange(relay.http, asking.post(recording.path, recording.request))
                self.assertEqual(answer.status, 200)
                self.assertFalse(answer.complete, (recording.name, after, answer))
                self.assertIn(b"error", answer.body)
                tried += 1
        relay.wait_for_log(lambda line: line["outcome"] == "truncated", tried)
        self.assertEqual(relay.metrics().sum("culvert_truncated_total", stage="body"), tried)
        print(f"\n  error events: {tried} streams, silently complete: 0", flush=True)

if __name__ == "__main__":
    unittest.main()
