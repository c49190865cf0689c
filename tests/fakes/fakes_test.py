# Tests of the fakes themselves, as seen on the wire with raw sockets: what other tests stand on has
# to be true first. No relay is involved. Run from the root of the tree: python3 -m unittest
# tests.fakes.fakes_test
import gzip
import json
import os
import ssl
import sys
import tempfile
import unittest
from unittest import mock

from tests.fakes import certs
from tests.fakes.metrics import Metrics
from tests.fakes.models import Models
from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.raw_upstream import RawUpstream
from tests.fakes.relay import Relay
from tests.fakes.tls_socket import Ended

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
GEMINI = "/v1beta/models/gemini-3.8-flash:streamGenerateContent"


def chat(prompt: str = "hello", stream: bool = True, **more) -> dict:
    return {"model": "gpt-6-sol", "stream": stream, **more,
            "messages": [{"role": "user", "content": prompt}]}


def post(path: str = CHAT, body=None, key: str | None = "sk-test", fields: str = "") -> bytes:
    data = json.dumps(chat() if body is None else body).encode()
    credential = f"Authorization: Bearer {key}\r\n" if key else ""
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{credential}{fields}"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n").encode() + data


def events(body: bytes) -> list[str]:
    return [line[5:].strip() for line in body.decode().splitlines() if line.startswith("data:")]


class WithModels(unittest.TestCase):
    tls = False

    @classmethod
    def setUpClass(cls):
        cls.models = Models(certs.server() if cls.tls else None)
        cls.context = certs.authority().client_context() if cls.tls else None

    @classmethod
    def tearDownClass(cls):
        cls.models.close()

    def setUp(self):
        self.models.reset()

    def ask(self, request: bytes | None = None, **rule):
        """One exchange on a connection of its own under one rule."""
        if rule:
            self.models.behave(**rule)
        return exchange(self.models.address, request or post(), self.context)


class Dialects(WithModels):
    def test_chat_stream_has_role_text_finish_usage_and_done(self):
        answer = self.ask(post(body=chat(stream_options={"include_usage": True})))
        lines = events(answer.body)
        self.assertEqual((answer.status, answer.framing, lines[-1]), (200, "chunked", "[DONE]"))
        chunks = [json.loads(line) for line in lines[:-1]]
        self.assertEqual(chunks[0]["choices"][0]["delta"]["role"], "assistant")
        self.assertEqual(chunks[-2]["choices"][0]["finish_reason"], "stop")
        self.assertEqual(chunks[-1]["choices"], [])
        self.assertGreater(chunks[-1]["usage"]["completion_tokens"], 20)
        self.assertGreaterEqual(len(chunks), 20)
        whole = json.loads(self.ask(post(body=chat(stream=False))).body)
        said = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks[:-1])
        self.assertEqual(said, whole["choices"][0]["message"]["content"])
        self.assertIn("hello", said)

    def test_responses_stream_is_numbered_and_completes(self):
        body = {"model": "gpt-6-sol", "input": "hi", "stream": True}
        answer = self.ask(post("/v1/responses", body))
        found = [json.loads(line) for line in events(answer.body)]
        self.assertEqual([e["sequence_number"] for e in found], list(range(len(found))))
        self.assertEqual((found[0]["type"], found[-1]["type"]),
                         ("response.created", "response.completed"))

    def test_a_response_of_the_background_is_read_on_by_its_own_key(self):
        body = {"model": "gpt-6-sol", "input": "hi", "stream": True, "background": True}
        found = events(self.ask(post("/v1/responses", body)).body)
        number = json.loads(found[0])["response"]["id"]

        def read_on(behind: int, key: str):
            return self.ask(f"GET /v1/responses/{number}?stream=true&starting_after={behind} "
                            "HTTP/1.1\r\nHost: localhost\r\n"
                            f"Authorization: Bearer {key}\r\n\r\n".encode())

        for behind in range(len(found)):
            self.assertEqual(events(read_on(behind, "sk-test").body), found[behind + 1:])
        self.assertEqual(read_on(0, "sk-other").status, 404)

    def test_a_model_goes_on_in_what_it_said(self):
        text = "First this. Then that is said."
        said = text[:20]
        turn = {"role": "assistant", "content": said}
        body = chat(stream=False)
        body["messages"].append(turn)
        for manner, rest in (("exact", text[20:]), ("repeats", text), ("restarts", text[12:])):
            self.models.reset()
            answer = self.ask(post(body=body), text=text, goes_on=manner)
            self.assertEqual(json.loads(answer.body)["choices"][0]["message"]["content"], rest)
            self.assertEqual(json.loads(self.ask(post(MESSAGES, body)).body)["content"][0]["text"],
                             rest)
        turn["content"] = "Other words."
        self.assertIn("never said", self.ask(post(body=body)).body.decode())

    def test_messages_stream_in_anthropics_order(self):
        body = chat(stream=True, thinking={"type": "enabled", "budget_tokens": 1024})
        kinds = [json.loads(e)["type"] for e in events(self.ask(post(MESSAGES, body)).body)]
        short = [k for n, k in enumerate(kinds) if k != "content_block_delta" or kinds[n - 1] != k]
        block = ["content_block_start", "content_block_delta", "content_block_stop"]
        self.assertEqual(short, ["message_start", "content_block_start", "ping",
                                 "content_block_delta", "content_block_stop", *block,
                                 "message_delta", "message_stop"])

    def test_gemini_speaks_sse_with_crlf_and_arrays(self):
        body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
        sse = self.ask(post(GEMINI + "?alt=sse", body)).body
        self.assertTrue(sse.endswith(b"}\r\n\r\n"))
        array = json.loads(self.ask(post(GEMINI, body)).body)
        self.assertEqual([json.loads(e) for e in events(sse)], array)
        self.assertEqual(array[-1]["candidates"][0]["finishReason"], "STOP")

    def test_tools_are_called_where_the_client_forces_them(self):
        tool = {"type": "function", "function": {"name": "look", "parameters": {}}}
        answer = self.ask(post(body=chat(stream=False, tools=[tool], tool_choice="required")))
        choice = json.loads(answer.body)["choices"][0]
        self.assertEqual((choice["finish_reason"], choice["message"]["tool_calls"][0]["function"]
                          ["name"]), ("tool_calls", "look"))

    def test_vendor_errors_say_when_to_come_back_each_in_its_way(self):
        self.models.behave(status=429, retry_after=7)
        openai = self.ask()
        self.assertEqual((openai.get("retry-after"), openai.get("x-ratelimit-reset-requests")),
                         ("7", "7s"))
        anthropic = self.ask(post(MESSAGES))
        self.assertEqual(json.loads(anthropic.body)["error"]["type"], "rate_limit_error")
        self.assertEqual(anthropic.get("anthropic-ratelimit-requests-remaining"), "0")
        details = json.loads(self.ask(post(GEMINI + "?alt=sse")).body)["error"]["details"]
        self.assertEqual(details[-1]["retryDelay"], "7s")

    def test_a_key_is_needed(self):
        self.assertEqual(self.ask(post(key=None)).status, 401)
        self.assertEqual(self.ask(post(GEMINI, key=None)).status, 403)
        with Models(keys=["sk-good"]) as strict:
            self.assertEqual(exchange(strict.address, post(key="sk-good")).status, 200)
            self.assertEqual(exchange(strict.address, post(key="sk-bad")).status, 401)
            self.assertEqual(exchange(strict.address, post(GEMINI, key="sk-bad")).status, 400)


class Rules(WithModels):
    def test_a_rule_is_for_a_key_and_so_many_requests(self):
        self.models.behave(key="sk-a", skip=1, times=1, status=503)
        self.assertEqual([self.ask(post(key=k)).status for k in ("sk-a", "sk-b", "sk-a", "sk-a")],
                         [200, 200, 503, 200])

    def test_a_misspelt_rule_is_refused(self):
        with self.assertRaisesRegex(AssertionError, "statuss"):
            self.models.behave(statuss=500)

    def test_a_rule_in_a_header(self):
        rule = 'x-fake: {"status": 529}\r\n'
        self.assertEqual(self.ask(post(MESSAGES, fields=rule)).status, 529)

    def test_a_rule_can_look_into_the_body(self):
        self.models.behave(stream=True, status=500)
        self.assertEqual(self.ask(post(body=chat(stream=False))).status, 200)
        self.assertEqual(self.ask(post(body=chat(stream=True))).status, 500)

    def test_a_stall_stands_until_it_is_released(self):
        self.models.behave(stall={"event": 3})
        with RawClient(self.models.address) as client:
            client.send(post())
            self.models.wait(stalled_now=1)
            head = client.read_head()
            first = [client.read_chunk() for _ in range(3)]
            self.assertEqual((head.status, len(first)), (200, 3))
            self.assertEqual(self.models.release(), 1)
            rest = list(iter(client.read_chunk, b""))
        self.assertIn(b"[DONE]", rest[-1])

    def test_a_client_that_leaves_a_stalled_exchange_is_recorded(self):
        self.models.behave(stall={"event": 3})
        for leave, how in ((RawClient.close, "fin"), (RawClient.reset, "rst")):
            self.models.reset()
            self.models.behave(stall={"event": 3})
            client = RawClient(self.models.address).send(post())
            self.models.wait(stalled_now=1)
            client.read_head(), [client.read_chunk() for _ in range(3)]
            leave(client)
            self.models.wait(aborted=1)
            seen = self.models.requests()[0]
            self.assertEqual((seen["state"], seen["client_left"]), ("aborted", how))
            self.assertGreater(seen["body_sent"], 100)
            self.assertGreaterEqual(seen["end_ns"], seen["client_left_ns"])

    def test_head_and_body_are_recorded_as_they_came(self):
        raw = (b"POST /v1/echo?a=%41 HTTP/1.1\r\nhOsT: x\r\nX-B:  spaced \r\nX-A: 1\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nT: v\r\n\r\n")
        self.assertEqual(self.ask(raw).status, 200)
        seen = self.models.requests()[0]
        self.assertEqual(seen["head"].encode("latin-1"), raw[:raw.index(b"\r\n\r\n") + 4])
        self.assertEqual((seen["body"], seen["body_bytes"], seen["trailers"]),
                         ("abcd", 4, [["T", "v"]]))


class Endings(WithModels):
    def test_cut_at_every_byte_of_an_answer(self):
        whole = self.ask(post("/v1/echo", body={}))
        size = len(whole.head) + len(whole.body)
        for at in (0, 1, len(whole.head) - 1, len(whole.head), len(whole.head) + 5, size - 1):
            for how, seen in (("fin", "fin"), ("rst", "reset")):
                self.models.reset()
                self.models.behave(cut={"at": at, "how": how})
                with RawClient(self.models.address) as client:
                    client.send(post("/v1/echo", body={}))
                    data, ended = client.read_to_end()
                self.assertEqual((len(data), ended), (at, seen))

    def test_cut_before_an_event(self):
        answer = self.ask(cut={"event": 2})
        self.assertEqual((len(answer.chunks), answer.ended), (2, "fin"))
        self.models.wait(cut=1)

    def test_a_whole_answer_then_an_unannounced_end(self):
        self.models.behave(after_answer="fin")
        with RawClient(self.models.address) as client:
            self.assertTrue(client.send(post()).read_response().complete)
            self.assertEqual(client.ends(), "fin")
        self.assertEqual(self.models.requests()[0]["state"], "complete")

    def test_a_pooled_connection_that_dies_on_the_next_request(self):
        self.models.behave(reused=True, times=1, cut={"at": 0})
        with RawClient(self.models.address) as client:
            self.assertEqual(client.send(post()).read_response().status, 200)
            self.assertEqual(client.send(post()).read_response().ended, "fin")
        self.assertEqual(self.ask().status, 200)

    def test_an_accepted_connection_that_dies_at_once(self):
        self.models.behave(on="accept", times=1, cut={"how": "rst"})
        try:
            with RawClient(self.models.address) as client:
                self.assertEqual(client.ends(), "reset")
        except ConnectionResetError:
            pass  # it came before connect() had looked
        self.assertEqual(self.ask().status, 200)


class Framing(WithModels):
    def test_right_framings(self):
        cases = (({"framing": "chunked"}, "chunked"), ({"framing": "length"}, "length"),
                 ({"framing": "close"}, "close"), ({"version": "HTTP/1.0"}, "close"))
        for rule, framing in cases:
            self.models.behave_well()
            answer = self.ask(**rule)
            self.assertEqual((answer.framing, answer.complete), (framing, True), rule)
            self.assertIn(b"[DONE]", answer.body)

    def test_wrong_framings(self):
        self.assertEqual(self.ask(chunk_fault="no_last").ended, "fin")
        self.models.behave_well()
        self.assertEqual(self.ask(framing="length", length_delta=5).ended, "fin")
        for fault in ("bad_size", "no_crlf"):
            self.models.behave_well()
            with self.assertRaises((ValueError, AssertionError)):
                self.ask(chunk_fault=fault)

    def test_no_body_answers(self):
        for status in (204, 304):
            self.models.behave_well()
            answer = self.ask(status=status, body="")
            self.assertEqual((answer.status, answer.framing, answer.all("content-length")),
                             (status, "none", []))
            self.models.behave_well()
            answer = self.ask(status=status, body="", framing="length", length_delta=5)
            self.assertEqual(answer.all("content-length"), ["5"])

    def test_interim_answers_and_early_hints(self):
        answer = self.ask(interim=[100, [103, [["Link", "</x>"]]]], interim_repeat=3)
        self.assertEqual([i.status for i in answer.interim], [100, 103] * 3)
        self.assertEqual(answer.interim[1].headers, [("Link", "</x>")])

    def test_heads(self):
        answer = self.ask(no_reason=True, header_case="odd", many_headers=150, huge_header=5000,
                          headers=[["X-One", "a"], ["X-One", "b"]], second_length=3)
        self.assertIsNone(answer.reason)
        self.assertEqual(answer.all("x-one"), ["a", "b"])
        self.assertIn(b"\r\nx-fAkE-HuGe: h", answer.head)
        self.assertEqual(len(answer.get("X-Fake-Huge")), 5000)
        added = [n for n, _ in answer.headers if n.lower().startswith("x-fake-")]
        self.assertEqual(len(added), 151)
        self.models.behave_well()
        self.models.behave(line_end="\n")
        with RawClient(self.models.address) as client:
            self.assertNotIn(b"\r\n", client.send(post()).read_until(b"\n\n"))

    def test_trailers_and_garbage(self):
        self.models.behave(trailers=[["X-T", "v"]], garbage="junk", after_answer="fin")
        with RawClient(self.models.address) as client:
            answer = client.send(post()).read_response()
            self.assertEqual(answer.trailers, [("X-T", "v")])
            self.assertEqual(client.read_to_end(), (b"junk", "fin"))

    def test_each_byte_on_its_own_is_still_the_same_answer(self):
        whole = self.ask().body
        self.assertEqual(self.ask(split="bytes").body, whole)
        self.models.behave_well()
        self.assertEqual(self.ask(split=[1, 7, 300]).body, whole)

    def test_gzip_is_flushed_per_event(self):
        whole = self.ask().body
        answer = self.ask(gzip=True)
        self.assertEqual(answer.get("content-encoding"), "gzip")
        self.assertEqual(gzip.decompress(answer.body), whole)

    def test_megabytes_are_made_on_the_way(self):
        answer = self.ask(body_mib=3, framing="length")
        self.assertEqual((len(answer.body), answer.complete), (3 << 20, True))

    def test_raw_bytes_as_told(self):
        self.models.behave(raw="HTTP/1.1 200\r\nX: \xff\r\n\r\nodd")
        with RawClient(self.models.address) as client:
            data, ended = client.send(post()).read_to_end()
        self.assertEqual((data, ended), (b"HTTP/1.1 200\r\nX: \xff\r\n\r\nodd", "fin"))

    def test_streams_that_end_wrongly(self):
        self.assertNotIn(b"[DONE]", self.ask(no_end=True).body)
        self.models.behave_well()
        answer = self.ask(post(MESSAGES), error_event={"after": 4, "code": 529})
        self.assertIn(b"overloaded_error", answer.body)
        self.assertNotIn(b"message_stop", answer.body)


class RequestBodies(WithModels):
    def test_answered_before_the_body_was_read(self):
        self.models.behave(read_body="none", status=413)
        with RawClient(self.models.address) as client:
            client.send(post(fields="X-Y: z\r\n")[:-20])
            answer = client.read_response()
            self.assertEqual((answer.status, client.ends()), (413, "fin"))
        self.assertFalse(self.models.requests()[0]["body_read"])

    def test_read_slowly_and_whole(self):
        self.models.behave(read_body={"pause_ms": 1})
        body = chat("x" * 300_000, stream=False)
        self.assertEqual(self.ask(post(body=body)).status, 200)
        self.assertEqual(self.models.requests()[0]["body_bytes"], len(json.dumps(body)))

    def test_expect_is_answered(self):
        with RawClient(self.models.address) as client:
            raw = post(fields="Expect: 100-continue\r\n")
            at = raw.index(b"\r\n\r\n") + 4
            self.assertEqual(client.send(raw[:at]).read_head().status, 100)
            self.assertEqual(client.send(raw[at:]).read_response().status, 200)


class OverTls(WithModels):
    tls = True

    def test_the_three_endings_differ(self):
        for how, seen in (("fin", "close_notify"), ("no_notify", "truncated"), ("rst", "reset")):
            self.models.behave_well()
            answer = self.ask(framing="close", cut={"event": 2, "how": how})
            if how == "fin":
                self.assertTrue(answer.complete)  # to HTTP this end is right
            else:
                self.assertEqual(answer.ended, seen)

    def test_facts_of_the_handshake_are_recorded(self):
        self.assertEqual(self.ask().status, 200)
        facts = self.models.connections()[-1]["tls"]
        self.assertEqual((facts["version"], facts["alpn"], facts["server_name"]),
                         ("TLSv1.3", "http/1.1", "localhost"))
        hello = bytes.fromhex(facts["hello"])
        self.assertEqual((hello[0], len(hello)), (22, 5 + int.from_bytes(hello[3:5], "big")))

    def test_certificates_are_wrong_in_the_way_they_say(self):
        cases = ((certs.expired(), "expired"), (certs.wrong_host(), "Hostname mismatch"),
                 (certs.untrusted(), "local issuer"), (certs.self_signed(), "self-signed"))
        for certificate, word in cases:
            with Models(certificate) as bad, self.assertRaisesRegex(ssl.SSLError, word):
                RawClient(bad.address, self.context)
        with Models(certs.server("rsa"), arguments=["--tls", "1.2"]) as old:
            with RawClient(old.address, self.context) as client:
                self.assertEqual(client.tls.version(), "TLSv1.2")


# Stands in for the relay, so that the class Relay is tested without one.
STAND_IN = """
import json, os, signal, sys
def stop(*_):
    print("REPORT", file=sys.stderr)
    sys.exit(END)
signal.signal(signal.SIGTERM, stop)
for line in ({"msg": "listening", "scheme": "http", "address": "127.0.0.1:1"},
             {"msg": "listening", "scheme": "admin", "address": "127.0.0.1:2"}, {"msg": "ready"}):
    print(json.dumps(line), file=sys.stderr, flush=True)
print(json.dumps({"env": os.environ["NAME"]}), flush=True)
while True:
    signal.pause()
"""


class Support(unittest.TestCase):
    def test_the_raw_upstream_runs_a_script_per_connection(self):
        def first(connection):
            connection.recv_request()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            connection.rst()

        with RawUpstream([first, lambda c: (c.recv_request(), c.answer("whole"))]) as upstream:
            self.assertEqual(exchange(upstream.address, post()).ended, "reset")
            self.assertEqual(exchange(upstream.address, post()).body, b"whole")
            upstream.wait_finished(2)
            self.assertEqual(upstream.connections[1].received, post())

    def test_a_failing_script_fails_the_test(self):
        with self.assertRaisesRegex(AssertionError, "script"):
            with RawUpstream(lambda c: 1 / 0) as upstream:
                with RawClient(upstream.address) as client, self.assertRaises(Ended):
                    client.read_some()

    def test_a_relay_is_ready_when_it_says_so_and_held_to_its_end(self):
        for end, report, wrong in ((0, "", None), (3, "", "ended with 3"),
                                   (0, "ERROR: AddressSanitizer: x", "sanitizer report")):
            program = STAND_IN.replace("END", str(end)).replace("REPORT", report)
            with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as file:
                file.write(f"#!{sys.executable}\n{program}")
            os.chmod(file.name, 0o700)
            self.addCleanup(os.unlink, file.name)
            with mock.patch.dict(os.environ, {"CULVERT_RELAY": file.name}):
                relay = Relay({"NAME": "v"})
            self.assertEqual((relay.http, relay.admin), ("127.0.0.1:1", "127.0.0.1:2"))
            self.assertEqual(relay.wait_for_log(lambda line: "env" in line)[0]["env"], "v")
            if wrong is None:
                relay.close()
            else:
                with self.assertRaisesRegex(AssertionError, wrong), mock.patch("sys.stderr"):
                    relay.close()

    def test_metrics_are_read_with_their_labels(self):
        metrics = Metrics('# TYPE a counter\na{x="1",y="q\\"r"} 2\na{x="2"} 3\nb 1e3\n')
        self.assertEqual(metrics.sum("a"), 5)
        self.assertEqual(metrics.sum("a", y='q"r'), 2)
        self.assertEqual(metrics.sum("b"), 1000)


if __name__ == "__main__":
    unittest.main()
