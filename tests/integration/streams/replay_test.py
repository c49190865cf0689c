# Clients that lose their connection in the middle of a stream and come back for the rest, through
# the real relay with real sockets: left at every event, two readers, slow ones, strangers, bounds
# of bytes, number and time, restarts and drains. What counts is the text that the client has in the
# end, and that the upstream was asked once.
import json
import re
import unittest
from concurrent.futures import ThreadPoolExecutor

from tests.fakes import certs
from tests.fakes.raw_client import RawClient, Response, exchange
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN
from tests.integration.streams import held_model
from tests.integration.streams.held_model import WORDS, HeldModel, text, text_of

ASKED = "X-Culvert-Replay: 1\r\n"
PATHS = {"chat": asking.CHAT, "messages": asking.MESSAGES, "gemini": asking.GEMINI}
STREAM_ID = re.compile(r"^/\.well-known/culvert/streams/[0-9a-f]{32}$")
KEPT = "/.well-known/culvert/streams/"


def events(body: bytes) -> list[tuple[int, str]]:
    """The number and the data of each event that is whole."""
    out = []
    for block in body.decode().replace("\r\n", "\n").split("\n\n")[:-1]:
        fields = [line.partition(":") for line in block.split("\n") if line[:1] != ":"]
        numbers = [int(value) for name, _, value in fields if name == "id"]
        datas = [value.strip() for name, _, value in fields if name == "data"]
        if datas:
            assert len(numbers) == 1, block
            out.append((numbers[0], "\n".join(datas)))
    return out


def request(path: str = asking.CHAT, fields: str = ASKED, version: str = "1.1",
            key: str | None = asking.KEY, **plan) -> bytes:
    body = asking.gemini() if "gemini" in path else asking.chat()
    return asking.post(path, body | {"plan": plan}, key=key, fields=fields, version=version)


def read_request(url: str, after: int | None = None, path: str = asking.CHAT,
                 key: str | None = asking.KEY, fields: str = "", method: str = "GET") -> bytes:
    last = "" if after is None else f"Last-Event-ID: {after}\r\n"
    return (f"{method} {url} HTTP/1.1\r\nHost: relay.test\r\n{asking.credential(path, key)}{last}"
            f"{fields}\r\n").encode()


class Replay(unittest.TestCase):
    def setUp(self):
        self.model = self.enterContext(HeldModel())

    def relay(self, *documents: str, env: dict | None = None, **spec) -> Relay:
        targets = {f"PROXY_{name}_TARGET": self.model.url
                   for name in ("OPENAI", "ANTHROPIC", "GEMINI")}
        return Relay.for_test(self, targets | (env or {}),
                              config=settings.resources(settings.relay(**spec), *documents))

    def begin(self, relay: Relay, path: str = asking.CHAT, tls=None, **asked):
        """A client that has read the head of its stream, and where that can be read again."""
        client = RawClient(relay.https if tls else relay.http, tls)
        self.addCleanup(client.close)
        client.send(request(path, **asked))
        head = client.read_head()
        self.assertEqual(head.status, 200, head)
        return client, head.get("x-culvert-stream")

    def leave_at(self, client: RawClient, count: int, more: int = 0, reset: bool = False) -> bytes:
        """Reads so many events and some bytes of the next one, and is gone."""
        body = b""
        while len(events(body)) < count:
            body += client.read_chunk()
        if more:
            while len(body) < body.rfind(b"\n\n") + 2 + more:
                size = int(client.read_line(), 16)
                body += client.read_exactly(min(more, size))
        client.reset() if reset else client.close()
        return body

    def read(self, relay: Relay, url: str, after: int | None = None, **how) -> Response:
        return exchange(relay.http, read_request(url, after, **how))

    def assert_rest(self, answer: Response, after: int, before: list, words: int = WORDS) -> None:
        self.assertEqual((answer.status, answer.ended), (200, "complete"), answer)
        got = events(answer.body)
        self.assertEqual([n for n, _ in got], list(range(after + 1, after + 1 + len(got))))
        self.assertEqual(text_of([d for _, d in before[:after] + got]), text(words))

    def line_of(self, relay: Relay, mode: str, count: int = 1) -> list[dict]:
        return relay.wait_for_log(lambda line: line.get("mode") == mode, count)

    def left(self, relay: Relay, sessions: int = 1) -> None:
        """Until so many sessions go on without their clients."""
        relay.wait_for_metric(lambda m: m.sum("culvert_client_connections") == 0 and
                              m.sum("culvert_active_requests") == sessions)


class Reconnecting(Replay):
    def lose(self, relay: Relay, number: int, at: int, more: int) -> None:
        plan = f"{at}-{more}"
        hold = [min(at + 2, WORDS)]  # one event more is on its way
        client, url = self.begin(relay, id=plan, hold=hold)
        self.assertRegex(url, STREAM_ID)
        before = events(self.leave_at(client, at, more if at < WORDS - 1 else 0, number % 2 == 0))
        if number % 3 == 0:
            self.model.release(plan)
        with RawClient(relay.http) as reader:
            reader.send(read_request(url, at))
            if number % 3:
                self.model.release(plan)
            answer = reader.read_response()
        self.assert_rest(answer, at, before)
        self.assertEqual(self.model.calls_of(plan), 1)

    def test_left_at_every_event_and_within(self):
        relay = self.relay(workers=2)
        cases = [(at, more) for at in range(1, WORDS) for more in (0, 1, 9)]
        with ThreadPoolExecutor(12) as clients:
            list(clients.map(lambda case: self.lose(relay, case[0], *case[1]), enumerate(cases)))
        lines = self.line_of(relay, "preset", len(cases))
        self.assertEqual({(line["outcome"], line["kept"], line["attempts"]) for line in lines},
                         {("ok", True, 1)})
        self.assertEqual(len(self.line_of(relay, "replay", len(cases))), len(cases))
        metrics = relay.metrics()
        self.assertEqual(metrics.sum("culvert_replay_readers_total"), len(cases))
        self.assertEqual(metrics.sum("culvert_upstream_attempts_total"), len(cases))
        self.assertEqual(metrics.sum("culvert_active_requests"), 0)

    def test_each_dialect(self):
        relay = self.relay()
        for dialect, path in PATHS.items():
            with self.subTest(dialect=dialect):
                client, url = self.begin(relay, path, id=dialect, hold=[20])
                before = events(self.leave_at(client, 15))
                self.left(relay)
                self.model.release(dialect)
                self.assert_rest(self.read(relay, url, 15, path=path), 15, before)
                whole = self.read(relay, url, path=path)
                self.assert_rest(whole, 0, [])
                self.assertEqual(whole.get("content-type"), "text/event-stream; charset=utf-8")
                self.assertEqual(events(whole.body)[:15], before[:15])
                self.assertEqual(self.model.calls_of(dialect), 1)

    def test_http_1_0_and_https(self):
        files = certs.server()
        relay = self.relay(listen=["http://127.0.0.1:0", "https://127.0.0.1:0"],
                           env={"CULVERT_TLS_CERT": files.cert, "CULVERT_TLS_KEY": files.key})
        client, url = self.begin(relay, tls=certs.authority().client_context(), id="tls", hold=[9])
        before = events(self.leave_at(client, 5))
        self.model.release("tls")
        self.assert_rest(self.read(relay, url, 5), 5, before)
        client, url = self.begin(relay, id="old", hold=[9], version="1.0")
        client.read_until(b"id: 5\n")
        client.close()
        self.left(relay)
        with RawClient(relay.http) as reader:
            reader.send(read_request(url, 4).replace(b"HTTP/1.1", b"HTTP/1.0"))
            self.model.release("old")
            answer = reader.read_response()
        self.assertEqual((answer.framing, answer.ended), ("close", "complete"))
        self.assertEqual(events(answer.body)[0][0], 5)
        self.assertIn("[DONE]", answer.body.decode())

    def test_left_before_the_upstream_has_answered(self):
        relay = self.relay(timeouts={"heartbeat": "20ms"})
        client, url = self.begin(relay, id="a", late=True)
        self.assertRegex(url, STREAM_ID)
        client.read_until(b": heartbeat\n")
        client.close()
        self.left(relay)
        self.model.release("a")
        self.assert_rest(self.read(relay, url), 0, [])
        self.assertEqual(self.model.calls_of("a"), 1)

    def test_two_readers_beside_the_client(self):
        relay = self.relay(workers=2)
        client, url = self.begin(relay, id="a", hold=[10, 20])
        with RawClient(relay.http) as one, RawClient(relay.http) as two:
            one.send(read_request(url))
            one.read_until(b"id: 9\n")
            self.model.release("a")
            one.read_until(b"id: 15\n")  # until then nobody could name it
            two.send(read_request(url, 15))
            two.read_until(b"id: 19\n")
            self.model.release("a")
            body = b"".join(iter(client.read_chunk, b""))
            self.assertEqual(text_of([d for _, d in events(body)]), text())
            for reader in (one, two):
                self.assertIn(b"[DONE]", reader.read_until(b"\r\n0\r\n\r\n"))
                numbers = re.findall(rb"^id: (\d+)$", reader.received, re.MULTILINE)
                begin = 1 if reader is one else 16
                self.assertEqual([int(n) for n in numbers], list(range(begin, WORDS + 2)))
        line = self.line_of(relay, "preset")[0]
        self.assertEqual((line["readers"], "left_ms" in line), (2, False))


class Slow(Replay):
    WINDOW = 64 * 1024
    BIG = {"words": 1500, "size": 2000}  # 3 MB

    def test_a_slow_reader_loses_nothing_and_memory_is_bounded(self):
        relay = self.relay(replay={"stream_bytes": self.WINDOW}, workers=2)
        words = 1500  # of 24 MB: more than the system's own buffers hold on the way
        client, url = self.begin(relay, id="a", hold=[2], words=words, size=16_000)
        client.close()
        self.left(relay)
        with RawClient(relay.http) as reader:
            reader.send(read_request(url))
            reader.read_head()
            self.model.release("a")
            # It reads on only when the window is full, but for an event, and so the upstream waits.
            full = self.WINDOW - 17_000
            most = relay.wait_for_metric(
                lambda m: m.sum("culvert_replay_bytes") >= full).sum("culvert_replay_bytes")
            self.assertLess(self.model.said["a"], words)
            parts = []
            while part := reader.read_chunk():
                parts.append(part)
                if len(parts) % 50 == 0:
                    most = max(most, relay.metrics().sum("culvert_replay_bytes"))
        self.assertLess(most, self.WINDOW + 200 * 1024)
        got = events(b"".join(parts))
        self.assertEqual(text_of([d for _, d in got]), text(words))
        self.assertEqual(self.model.calls_of("a"), 1)

    def test_what_the_window_has_lost_is_gone(self):
        relay = self.relay(replay={"stream_bytes": self.WINDOW})
        client, url = self.begin(relay, id="a", **self.BIG)
        body = b"".join(iter(client.read_chunk, b""))
        self.assertEqual(text_of([d for _, d in events(body)]), text(1500))
        answer = self.read(relay, url, 1)
        self.assertEqual(answer.status, 410)
        error = json.loads(answer.body)["error"]
        self.assertEqual(error["code"], "not_kept")
        self.assertRegex(error["message"], r"events before \d+ are not kept any more")
        last = events(body)[-3][0]
        self.assertEqual(events(self.read(relay, url, last).body), events(body)[-2:])
        self.assertLessEqual(relay.metrics().sum("culvert_replay_bytes"), self.WINDOW)
        self.assertEqual(relay.metrics().sum("culvert_replay_refused_total", reason="not_kept"), 1)

    def test_a_stream_that_nobody_reads_is_read_on(self):
        relay = self.relay(replay={"stream_bytes": self.WINDOW})
        client, _ = self.begin(relay, id="a", hold=[2], **self.BIG)
        client.close()
        self.left(relay)
        self.model.release("a")
        self.model.wait_said("a", 1500)
        self.assertEqual(self.line_of(relay, "preset")[0]["outcome"], "ok")


class Strangers(Replay):
    def whole(self, relay: Relay, name: str = "a", **asked) -> str:
        client, url = self.begin(relay, id=name, **asked)
        b"".join(iter(client.read_chunk, b""))
        return url

    def gone(self, answer: Response) -> dict:
        self.assertEqual((answer.status, answer.get("x-proxy-error")), (410, "true"), answer)
        error = json.loads(answer.body)["error"]
        return {name: error[name] for name in error if name not in ("timestamp", "request_id")}

    def test_another_credential_learns_nothing(self):
        relay = self.relay(auth_tokens=[TOKEN])
        url = self.whole(relay)
        self.assertEqual(self.read(relay, url).status, 200)
        unknown = self.gone(self.read(relay, KEPT + "0" * 32))
        for how in ({"key": "sk-another-0123456789abcdef"}, {"key": None}, {"key": TOKEN},
                    {"fields": f"X-Culvert-Token: {TOKEN}\r\n"}):
            self.assertEqual(self.gone(self.read(relay, url, **how)), unknown, how)
        self.assertEqual(relay.metrics().sum("culvert_replay_refused_total", reason="credential"),
                         4)

    def test_a_token_reads_from_every_place_and_no_other_does(self):
        pool = settings.pool("openai", ["sk-pool-key-0123456789abc"])
        other = "another-token-0123456789"
        relay = self.relay(pool, auth_tokens=[TOKEN, other])
        url = self.whole(relay, key=TOKEN)
        token = f"X-Culvert-Token: {TOKEN}\r\n"
        for answer in (self.read(relay, url, key=TOKEN),
                       self.read(relay, url, key=None, fields=token),
                       self.read(relay, f"/{TOKEN}{url}", key=None)):
            self.assert_rest(answer, 0, [])
        self.gone(self.read(relay, url, key=other))
        self.gone(self.read(relay, f"/{other}{url}", key=None))

    def test_without_a_credential_nothing_is_kept(self):
        relay = self.relay()
        self.assertIsNone(self.whole(relay, key=None))
        self.assertNotIn("kept", self.line_of(relay, "preset")[0])

    def test_after_a_restart_it_is_gone(self):
        relay = self.relay()
        url = self.whole(relay)
        relay.terminate()
        relay.wait_exit()
        relay.start()
        self.gone(self.read(relay, url, 3))

    def test_ids_are_nowhere_to_be_read(self):
        relay = self.relay(debug=True, auth_tokens=[TOKEN])
        url = self.whole(relay)
        self.read(relay, url)
        self.read(relay, f"/{TOKEN}{url}")
        lines = self.line_of(relay, "replay", 2)
        self.assertEqual({line["path"] for line in lines}, {KEPT + "*"})
        told = json.dumps(list(relay.log) + lines) + relay.admin_get("/metrics")[1] + (
            relay.admin_get("/debug")[1])
        self.assertNotIn(url.rpartition("/")[2], told)
        self.assertNotIn(TOKEN, told)


class Bounds(Replay):
    def test_unread_for_too_long(self):
        relay = self.relay(replay={"unread": "50ms"}, usage={"spool": True})
        client, url = self.begin(relay, id="a", words=9, end="watch")
        self.leave_at(client, 5)
        self.model.wait_end("a")  # the relay has left
        line = self.line_of(relay, "preset")[0]
        self.assertEqual((line["outcome"], line["stage"], line["readers"]), ("aborted", "body", 0))
        self.assertIn("nobody came", line["error"])
        answer = self.read(relay, url, 7)
        got = events(answer.body)
        self.assertEqual((answer.status, answer.complete, [n for n, _ in got]),
                         (200, False, [8, 9, 10]))
        self.assertIn("error", json.loads(got[-1][1]))
        self.assertEqual([record["class"] for record in relay.usage_records()],
                         ["USAGE_CLASS_ESTIMATED"])  # the upstream never said

    def test_a_reader_keeps_it_awake(self):
        relay = self.relay(replay={"unread": "50ms"})
        client, url = self.begin(relay, id="a", hold=[9])
        with RawClient(relay.http) as reader:
            reader.send(read_request(url))
            reader.read_until(b"id: 8\n")
            client.close()
            relay.wait_for_metric(lambda m: m.sum("culvert_client_connections") == 1)
            reader.close()
        self.assertEqual(self.line_of(relay, "preset")[0]["outcome"], "aborted")

    def test_kept_for_a_while(self):
        relay = self.relay(replay={"kept": "1ms"})
        client, url = self.begin(relay, id="a")
        b"".join(iter(client.read_chunk, b""))
        relay.wait_for_metric(lambda m: m.sum("culvert_replay_streams") == 0)
        self.assertEqual(self.read(relay, url).status, 410)
        self.assertEqual(relay.metrics().sum("culvert_replay_bytes"), 0)

    def test_the_number_of_streams(self):
        relay = self.relay(replay={"streams": 2})
        first, a = self.begin(relay, id="a", hold=[9])
        second, b = self.begin(relay, id="b", hold=[9])
        third, c = self.begin(relay, id="c")
        self.assertTrue(a and b and c is None)
        self.assertEqual(text_of([d for d in asking.data_lines(
            b"".join(iter(third.read_chunk, b"")))]), text())  # it is carried all the same
        self.model.release("a")
        b"".join(iter(first.read_chunk, b""))
        _, d = self.begin(relay, id="d")
        self.assertTrue(d)
        self.assertEqual((self.read(relay, a).status, self.read(relay, d).status), (410, 200))
        self.assertEqual(relay.metrics().sum("culvert_replay_refused_total", reason="no_room"), 1)
        self.model.release("b")
        b"".join(iter(second.read_chunk, b""))

    def test_the_bytes_of_all(self):
        relay = self.relay(replay={"stream_bytes": 65536, "total_bytes": 100_000})
        urls = []
        for name in "abc":
            client, url = self.begin(relay, id=name, words=30, size=2000)
            b"".join(iter(client.read_chunk, b""))
            urls.append(url)
        self.assertLessEqual(relay.metrics().sum("culvert_replay_bytes"), 100_000)
        self.assertEqual([self.read(relay, url, 30).status for url in urls], [410, 410, 200])

    def test_one_call_is_one_record(self):
        relay = self.relay(usage={"spool": True})
        client, url = self.begin(relay, asking.GEMINI, id="a", hold=[20])
        self.leave_at(client, 7)
        self.left(relay)
        self.model.release("a")
        self.assert_rest(self.read(relay, url, 0, path=asking.GEMINI), 0, [])
        self.read(relay, url, 9, path=asking.GEMINI)
        line = self.line_of(relay, "preset")[0]
        self.line_of(relay, "replay", 2)
        self.assertEqual((line["tokens_in"], line["tokens_out"]), (7, WORDS))
        self.assertEqual([(record["class"], record["output_tokens"]) for record in
                          relay.usage_records()], [("USAGE_CLASS_DELIVERED", str(WORDS))])


class WithRecovery(Replay):
    QUICK = {"gemini_resume": {"backoff": "1ms", "backoff_most": "2ms", "seam_wait": "20s"}}

    def test_taken_up_while_somebody_reads(self):
        relay = self.relay(**self.QUICK)
        client, url = self.begin(relay, asking.GEMINI, id="a", hold=[20], cut=20)
        before = events(self.leave_at(client, 10))
        self.left(relay)
        with RawClient(relay.http) as reader:
            reader.send(read_request(url, 10, asking.GEMINI))
            reader.read_until(b"id: 19\n")
            self.model.release("a")
            reader.read_until(b"0\r\nX-Culvert-Resumed: 1\r\n\r\n")
        self.assert_rest(self.read(relay, url, 10, path=asking.GEMINI), 10, before)
        line = self.line_of(relay, "preset")[0]
        self.assertEqual((line["outcome"], line["attempts"], line["resumed"]), ("ok", 2, 1))

    def test_not_for_nobody(self):
        relay = self.relay(**self.QUICK)
        client, url = self.begin(relay, asking.GEMINI, id="a", hold=[20], cut=20)
        self.leave_at(client, 10)
        self.left(relay)
        self.model.release("a")
        line = self.line_of(relay, "preset")[0]
        self.assertEqual((line["outcome"], line["attempts"], line["gave_up"]),
                         ("truncated", 1, "unread"))
        answer = self.read(relay, url, 18, path=asking.GEMINI)
        self.assertFalse(answer.complete)
        self.assertIn("error", json.loads(events(answer.body)[-1][1]))
        self.assertEqual(self.model.calls_of("a"), 1)

    def test_a_cut_looks_the_same_to_the_client_and_to_readers(self):
        relay = self.relay()
        client, url = self.begin(relay, id="a", cut=20)
        answer, _ = client.read_to_end()
        late = self.read(relay, url)
        self.assertEqual((late.status, late.complete), (200, False))
        self.assertEqual(re.sub(rb"\r\n[0-9a-f]+\r\n", b"", b"\r\n" + answer).strip(),
                         late.body.strip())
        self.assertIn("error", json.loads(events(late.body)[-1][1]))


class Draining(Replay):
    def test_a_drain_waits_for_what_runs_without_a_client(self):
        relay = self.relay()
        client, _ = self.begin(relay, id="a", hold=[9])
        self.leave_at(client, 5)
        self.left(relay)
        relay.terminate()
        relay.wait_for_message("draining")
        self.model.release("a")
        relay.wait_exit()
        self.assertEqual(self.line_of(relay, "preset")[0]["outcome"], "ok")

    def test_the_end_of_the_drain_ends_it(self):
        relay = self.relay(drain_timeout="50ms")
        client, _ = self.begin(relay, id="a", words=9, end="watch")
        self.leave_at(client, 5)
        self.left(relay)
        relay.terminate()
        relay.wait_exit()
        self.model.wait_end("a")
        self.assertEqual(self.line_of(relay, "preset")[0]["outcome"], "aborted")


class Asking(Replay):
    def test_only_where_it_is_asked_for(self):
        route = settings.route("r", "openai", match={"path_prefix": "/r"}, rewrite_prefix="",
                               replay=True)
        relay = self.relay(route)
        path = "/r/v1/chat/completions"
        for fields, where, kept in (("", asking.CHAT, False),
                                    ("X-Culvert-Replay: 0\r\n", path, False),
                                    (ASKED, asking.CHAT, True), ("", path, True)):
            answer = exchange(relay.http, request(where, fields, id=f"{fields}{where}"))
            self.assertEqual("x-culvert-stream" in answer.head.decode().lower(), kept, fields)
            self.assertEqual(b"id: 1\n" in answer.body, kept)
        for heads in self.model.calls.values():
            self.assertNotIn(b"x-culvert", heads[0].lower())

    def test_off(self):
        relay = self.relay(replay={"off": True})
        answer = exchange(relay.http, request(id="a"))
        self.assertEqual((answer.status, answer.get("x-culvert-stream")), (200, None))

    def test_bad_questions(self):
        relay = self.relay()
        answer = exchange(relay.http, request(fields="X-Culvert-Replay: yes\r\n", id="a"))
        self.assertEqual(answer.status, 400)
        self.assertIn("is 1, so that the stream is kept, or 0", answer.body.decode())
        client, url = self.begin(relay, id="b")
        b"".join(iter(client.read_chunk, b""))
        statuses = {}
        for after in ("x", "-1", "99", "41", "40"):
            statuses[after] = self.read(relay, url, after).status
        self.assertEqual(statuses, {"x": 400, "-1": 400, "99": 400, "41": 200, "40": 200})
        for path in (KEPT, KEPT + "x", url + "0", KEPT + url[len(KEPT):].replace("a", "A") + "A"):
            self.assertEqual(self.read(relay, path).status, 404, path)
        for method in ("POST", "DELETE", "OPTIONS"):
            answer = self.read(relay, url, method=method)
            self.assertEqual((answer.status, answer.get("allow")), (405, "GET, HEAD"))
        head = self.read(relay, url, method="HEAD")
        self.assertEqual((head.status, head.get("x-culvert-stream"), head.body), (200, url, b""))

    def test_a_page_may_use_it(self):
        relay = self.relay(cors={"origins": ["https://page.test"]})
        page = "Origin: https://page.test\r\n"
        answer = exchange(relay.http, request(fields=ASKED + page, id="a"))
        self.assertIn("x-culvert-stream", answer.get("access-control-expose-headers"))
        read = self.read(relay, answer.get("x-culvert-stream"), fields=page)
        self.assertEqual(read.get("access-control-allow-origin"), "https://page.test")


if __name__ == "__main__":
    unittest.main()
