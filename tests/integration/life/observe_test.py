# What the operator sees: an access log line per request with every field in its type and nothing
# secret, metrics with stable names and bounded labels, tokens and times of all dialects, CORS for
# browsers, and the id that ties a complaint to a line.
import json
import re
import shutil
import subprocess
import unittest

from tests.fakes import certs
from tests.fakes.models import Models
from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN

POOLED = "sk-pool-secret-0123456789-pend"
OWN = "sk-own-secret-0123456789-oend"
BY_TOKEN = f"X-Culvert-Token: {TOKEN}\r\n"
TEXT, NUMBER, COUNT, TRUTH = str, (int, float), int, bool
ALWAYS = {"time": TEXT, "id": TEXT, "method": TEXT, "mode": TEXT, "status": COUNT,
          "outcome": TEXT, "bytes_in": COUNT, "bytes_out": COUNT, "attempts": COUNT,
          "reused": TRUTH, "total_ms": NUMBER}
SOMETIMES = {"client": TEXT, "route": TEXT, "upstream": TEXT, "path": TEXT, "key": TEXT,
             "model": TEXT, "stage": TEXT, "error": TEXT, "tokens_in": COUNT, "tokens_out": COUNT,
             "tokens_cached": COUNT, "tokens_reasoning": COUNT, "usage": TEXT, "tenant": TEXT,
             "token_id": TEXT, "strategy": TEXT, "resumed": COUNT, "seam_removed": COUNT,
             "gave_up": TEXT, "last_cut": TEXT, "unknown_finish": TEXT,
             "resolve_ms": NUMBER, "connect_ms": NUMBER, "tls_ms": NUMBER,
             "first_byte_ms": NUMBER, "first_token_ms": NUMBER}
OUTCOMES = {"ok", "client_error", "upstream_error", "relay_error", "aborted", "truncated"}
MODES = {"preset", "route", "generic", "gemini", "local"}
LABELS = {  # every metric of ours and its labels
    "culvert_build_info": {"version"},
    "culvert_requests_total": {"upstream", "status_class", "outcome"},
    "culvert_active_requests": set(), "culvert_client_connections": set(),
    "culvert_upstream_connections_total": {"upstream", "kind"},
    "culvert_upstream_tls_handshakes_total": {"upstream", "kind"},
    "culvert_truncated_total": {"upstream", "stage"}, "culvert_refused_total": {"reason"},
    "culvert_keys": {"upstream", "key", "state"},
    "culvert_upstream_keys": {"upstream", "state"},
    "culvert_key_requests_total": {"upstream", "key", "result"},
    "culvert_leg_seconds": {"upstream", "leg"},
    "gen_ai_server_request_duration_seconds": {"upstream"},
    "gen_ai_server_time_to_first_token_seconds": {"upstream"},
    "gen_ai_client_token_usage_total": {"upstream", "type"},
    "culvert_tokens_estimated_total": {"upstream", "type"},
    "culvert_stream_resume_attempts_total": {"upstream"},
    "culvert_stream_resume_gave_up_total": {"upstream", "reason"},
    "culvert_stream_seam_removed_characters_total": {"upstream"},
    "culvert_streams_resumed_total": {"upstream"},
    "culvert_usage_spool_records": set(), "culvert_usage_spool_bytes": set(),
    "culvert_usage_spool_lost_records": set()}


class WithModels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = Models(certs.server())
        cls.addClassCleanup(cls.models.close)

    def setUp(self):
        self.models.reset()

    def targets(self) -> dict:
        return {"SSL_CERT_FILE": certs.authority().ca_file} | {
            f"PROXY_{name}_TARGET": self.models.url for name in ("OPENAI", "ANTHROPIC", "GEMINI")}

    def relay(self, **env) -> Relay:
        return Relay.for_test(self, self.targets() | env)

    def last_line(self, relay: Relay, count: int) -> dict:
        return relay.wait_for_log(count=count)[count - 1]


class AccessLog(WithModels):
    def check(self, line: dict) -> None:
        self.assertEqual(set(line) - set(ALWAYS) - set(SOMETIMES), set())
        self.assertEqual(set(ALWAYS) - set(line), set())
        for name, value in line.items():
            self.assertIsInstance(value, (ALWAYS | SOMETIMES)[name], name)
            if name.endswith("_ms") or name.startswith(("bytes", "tokens")):
                self.assertGreaterEqual(value, 0)
        self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertRegex(line["id"], r"^[0-9a-f-]{16,}$")
        self.assertIn(line["outcome"], OUTCOMES)
        self.assertIn(line["mode"], MODES)

    def test_a_line_of_a_whole_stream(self):
        relay = self.relay(AUTH_TOKEN=TOKEN, OPENAI_API_KEYS=POOLED, CULVERT_WORKERS="1")
        request = asking.post(f"{asking.CHAT}?secret=query", key=None, fields=BY_TOKEN)
        answer = exchange(relay.http, request)
        line = self.last_line(relay, 1)
        self.check(line)
        expected = {"method": "POST", "mode": "preset", "upstream": "openai", "status": 200,
                    "path": "/v1/chat/completions", "key": settings.masked(POOLED), "attempts": 1,
                    "outcome": "ok", "strategy": "socket",
                    "bytes_out": len(answer.body), "reused": False,
                    "bytes_in": len(request.partition(b"\r\n\r\n")[2])}
        self.assertEqual({name: line[name] for name in expected}, expected)
        for absent in ("stage", "error", "route", "client"):
            self.assertNotIn(absent, line)
        for leg in ("connect_ms", "tls_ms", "first_byte_ms", "first_token_ms"):
            self.assertIn(leg, line)
        self.assertLessEqual(line["first_byte_ms"], line["first_token_ms"])
        self.assertLessEqual(line["first_token_ms"], line["total_ms"])
        exchange(relay.http, request)
        line = self.last_line(relay, 2)
        self.assertEqual((line["reused"], "tls_ms" in line, "connect_ms" in line),
                         (True, False, False))

    def test_lines_of_every_outcome(self):
        relay = self.relay(AUTH_TOKEN=TOKEN, OPENAI_API_KEYS=POOLED, PRESET_AUTH_ENABLED="false",
                           PROXY_DEAD_TARGET="http://127.0.0.1:1", CULVERT_WORKERS="1")
        self.models.behave(path="*/cut", raw="HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
        asked = [(asking.post(), "ok", 200, None),
                 (asking.get("/nowhere/v1/models"), "client_error", 404, "route"),
                 (asking.post(key=None), "client_error", 401, "auth"),
                 (asking.post("/dead/v1/chat/completions"), "upstream_error", 502, "connect"),
                 (asking.get("/openai/cut"), "truncated", 200, "body"),
                 (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "client_error", 400,
                  "request"),
                 (asking.get("/healthz", key=None), "ok", 200, None)]
        for number, (request, outcome, status, stage) in enumerate(asked, 1):
            with self.subTest(outcome=outcome, status=status):
                answer = exchange(relay.http, request, method="GET")
                line = self.last_line(relay, number)
                self.check(line) if "method" in line else None
                self.assertEqual((line["outcome"], line["status"], line.get("stage")),
                                 (outcome, status, stage))
                self.assertEqual("error" in line, outcome != "ok")
                if status >= 400:
                    self.assertEqual(answer.get("x-request-id"), line["id"])

    def test_nothing_secret_in_any_line(self):
        relay = self.relay(AUTH_TOKEN=TOKEN, OPENAI_API_KEYS=POOLED, PRESET_AUTH_ENABLED="false",
                           GEMINI_API_KEYS=POOLED, DEBUG_MODE="true")
        bearer = f"Authorization: Bearer {TOKEN}\r\n"
        wrong = "wrong-token-0123456789abcdef"
        requests = [asking.post(key=OWN), asking.post(key=None, fields=BY_TOKEN),
                    asking.post(key=None, fields=bearer),
                    asking.post(f"/{TOKEN}{asking.CHAT}", key=None),
                    asking.post(f"{asking.GEMINI}&key={OWN}", key=None),
                    asking.post(f"{asking.GEMINI}&key={TOKEN}", key=None),
                    asking.post(f"/{wrong}{asking.CHAT}", key=OWN),
                    asking.post(key=None, fields=f"X-Culvert-Token: {wrong}\r\n"),
                    asking.get(f"/{TOKEN}/nowhere/x", key=OWN),
                    asking.get(f"/{TOKEN}/http/127.0.0.1:1/x?key={OWN}", key=None),
                    asking.post(f"/openai/{OWN}/../x", key=OWN),
                    asking.post(body=b"{" + OWN.encode() + b"}", key=OWN)]
        for status in (401, 429, 500):
            requests.append(asking.post(key=OWN, fields=f'x-fake: {{"status": {status}}}\r\n'))
        for request in requests:
            exchange(relay.http, request)
        relay.wait_for_log(count=len(requests))
        for secret in (TOKEN, POOLED, OWN, wrong):
            for line in (*relay.stdout_text, *relay.stderr_text):
                self.assertNotIn(secret, line)
        _, page = relay.admin_get("/metrics")
        for secret in (TOKEN, POOLED, OWN, wrong):
            self.assertNotIn(secret, page)

    def test_the_clients_address_only_where_wanted(self):
        for setting, expected in ((None, None), ("truncated", "127.0.0.0"), ("full", "127.0.0.1")):
            with self.subTest(setting=setting):
                log = {"client_address": setting} if setting else {}
                relay = Relay.for_test(self, config=settings.resources(
                    settings.relay(access_log=log), settings.upstream("openai", self.models.url,
                                                                      tls={"ca_file": certs.
                                                                           authority().ca_file})))
                exchange(relay.http, asking.post())
                client = self.last_line(relay, 1).get("client")
                if expected is None:
                    self.assertIsNone(client)
                else:
                    self.assertTrue(client.startswith(expected), client)

    def test_it_can_be_turned_off(self):
        relay = Relay.for_test(self, config=settings.resources(settings.relay(
            access_log={"off": True})))
        exchange(relay.http, asking.get("/healthz", key=None))
        relay.terminate()
        self.assertEqual(relay.wait_exit(), 0)
        self.assertEqual(relay.stdout_text, [])

    def test_the_operational_log_is_json_with_its_fields(self):
        relay = self.relay()
        exchange(relay.http, asking.post())
        relay.terminate()
        self.assertEqual(relay.wait_exit(), 0)
        for text in relay.stderr_text:
            line = json.loads(text)
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertIn(line["level"], ("debug", "info", "warn", "error"))
            self.assertTrue(line["msg"])


class Tokens(WithModels):
    def usage(self, path: str, body: bytes) -> tuple[int, int]:
        """What the vendor itself said, from the last place where it said it."""
        if path.startswith("/anthropic"):
            said = [json.loads(t) for t in asking.data_lines(body)] or [json.loads(body)]
            uses = [v for e in said for v in (e.get("usage"), (e.get("message") or {})
                                              .get("usage")) if v]
            return (next(u["input_tokens"] for u in uses if "input_tokens" in u),
                    uses[-1]["output_tokens"])
        texts = [t for t in asking.data_lines(body) if t != "[DONE]"] or [body.decode()]
        last = [json.loads(t) for t in texts][-1]
        if path.startswith("/gemini"):
            use = last["usageMetadata"]
            return use["promptTokenCount"], use["candidatesTokenCount"]
        use = (last.get("response") or last)["usage"]
        return (use.get("prompt_tokens", use.get("input_tokens")),
                use.get("completion_tokens", use.get("output_tokens")))

    def test_tokens_of_every_dialect_streaming_and_not(self):
        relay = self.relay()
        usage = {"stream_options": {"include_usage": True}}
        asked = [(asking.CHAT, asking.chat(**usage)), (asking.CHAT, asking.chat(stream=False)),
                 (asking.RESPONSES, {"model": "m", "input": "hello", "stream": True}),
                 (asking.RESPONSES, {"model": "m", "input": "hello"}),
                 (asking.MESSAGES, asking.chat()), (asking.MESSAGES, asking.chat(stream=False)),
                 (asking.GEMINI, asking.gemini()), (asking.GEMINI_WHOLE, asking.gemini()),
                 ("/openai/v1/embeddings", {"model": "e", "input": "hello"})]
        sums: dict = {}
        for number, (path, body) in enumerate(asked, 1):
            with self.subTest(path=path, stream=body.get("stream")):
                answer = exchange(relay.http, asking.post(path, body))
                self.assertEqual(answer.status, 200)
                line = self.last_line(relay, number)
                if path.endswith("embeddings"):
                    told = json.loads(answer.body)["usage"]["prompt_tokens"]
                    self.assertEqual(line["tokens_in"], told)
                else:
                    told = self.usage(path, answer.body)
                    self.assertEqual((line["tokens_in"], line["tokens_out"]), told)
                streamed = answer.framing == "chunked"
                self.assertEqual("first_token_ms" in line, streamed)
                total = sums.setdefault(line["upstream"], [0, 0, 0])
                total[0] += line["tokens_in"]
                total[1] += line.get("tokens_out", 0)
                total[2] += streamed
        metrics = relay.metrics()
        for upstream, (tokens_in, tokens_out, streams) in sums.items():
            name = "gen_ai_client_token_usage_total"
            self.assertEqual(metrics.sum(name, upstream=upstream, type="input"), tokens_in)
            self.assertEqual(metrics.sum(name, upstream=upstream, type="output"), tokens_out)
            self.assertEqual(metrics.sum("gen_ai_server_time_to_first_token_seconds_count",
                                         upstream=upstream), streams)

    def test_without_usage_there_are_none(self):
        relay = self.relay()
        exchange(relay.http, asking.post())
        line = self.last_line(relay, 1)
        self.assertNotIn("tokens_in", line)
        self.assertIn("first_token_ms", line)

    def test_the_model_is_in_the_line(self):
        relay = self.relay()
        exchange(relay.http, asking.post(asking.GEMINI))
        self.assertEqual(self.last_line(relay, 1)["model"], "gemini-3.8-flash")


class MetricsPage(WithModels):
    def busy(self) -> Relay:
        relay = self.relay(AUTH_TOKEN=TOKEN, OPENAI_API_KEYS=POOLED, PRESET_AUTH_ENABLED="false",
                           CULVERT_WORKERS="2")
        for number in range(3):
            exchange(relay.http, asking.post(key=None, fields=BY_TOKEN))
            exchange(relay.http, asking.post(asking.MESSAGES))
            exchange(relay.http, asking.get(f"/unknown{number}/x"))
        self.models.behave(path="*/cut", raw="HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
        exchange(relay.http, asking.get("/openai/cut"))
        # A stream that breaks off: one is taken up and repeats itself, one may not be.
        stream = {"path": "*:stream*", "text": "all that it says, twice", "deltas": 2}
        self.models.behave(stream | {"times": 1, "cut": {"event": 1}}, stream | {"times": 1})
        exchange(relay.http, asking.post(asking.GEMINI))
        json_only = {"generationConfig": {"responseMimeType": "application/json"}}
        self.models.behave(**stream, times=1, cut={"event": 1})
        exchange(relay.http, asking.post(asking.GEMINI, asking.gemini() | json_only))
        relay.wait_for_log(count=12)
        return relay

    def test_names_and_labels_are_the_documented_ones(self):
        metrics = self.busy().metrics()
        found: dict = {}
        for name, labels, _ in metrics.samples:
            base = re.sub(r"_(bucket|sum|count)$", "", name) if "le" in labels or re.search(
                r"_(sum|count)$", name) else name
            found.setdefault(base, set()).update(set(labels) - {"le"})
        for name, labels in LABELS.items():
            if name == "culvert_refused_total":
                continue  # nothing was refused yet
            with self.subTest(metric=name):
                self.assertIn(name, found)
                self.assertEqual(found[name], labels)

    def test_the_page_is_well_formed(self):
        relay = self.busy()
        _, page = relay.admin_get("/metrics")
        types: dict = {}
        for line in page.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, types)
                types[name] = kind
            elif line and not line.startswith("#"):
                self.assertRegex(line, r'^[a-z_]+(\{([a-z_]+="[^"]*",?)*\})? \S+$')
                name = re.split(r"[{ ]", line)[0]
                base = re.sub(r"_(bucket|sum|count)$", "", name)
                self.assertTrue(name in types or types.get(base) == "histogram", line)
        for name, kind in types.items():
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
        if promtool := shutil.which("promtool"):
            done = subprocess.run([promtool, "check", "metrics"], input=page, text=True,
                                  capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_strangers_make_no_new_series(self):
        """Whatever clients ask for, the labels are those of the configuration."""
        relay = self.busy()
        exchange(relay.http, asking.post(key="sk-some-caller-0123456789"))
        exchange(relay.http, asking.post(key="sk-a-caller-0123456789,sk-b-caller-0123456789"))
        before = {(n, tuple(sorted(l.items()))) for n, l, _ in relay.metrics().samples}
        with RawClient(relay.http) as client:
            for number in range(200):
                client.send(asking.get(f"/alias{number}/{number}?q={number}",
                                       key=f"sk-caller-number-{number:010}",
                                       host=f"host{number}.example"))
                self.assertEqual(client.read_response().status, 404)
            for number in range(50):
                body = asking.chat(stream=False) | {"model": f"model-{number}"}
                client.send(asking.post(body=body, key=f"sk-caller-number-{number:010}"))
                self.assertEqual(client.read_response("POST").status, 200)
            for number in range(50):
                keys = ",".join(f"sk-{name}-{number:010}" for name in ("one", "two"))
                client.send(asking.post(key=keys))
                self.assertEqual(client.read_response("POST").status, 200)
        after = {(n, tuple(sorted(l.items()))) for n, l, _ in relay.metrics().samples}
        self.assertEqual(after - before, set())

    def test_counts_agree_with_the_log(self):
        relay = self.busy()
        metrics = relay.metrics()
        for outcome in OUTCOMES:
            logged = sum(line["outcome"] == outcome for line in relay.access_log)
            self.assertEqual(metrics.sum("culvert_requests_total", outcome=outcome), logged)
        self.assertEqual(metrics.sum("gen_ai_server_request_duration_seconds_count"), 12)
        self.assertEqual(metrics.sum("culvert_requests_total", upstream="none",
                                     status_class="4xx"), 3)
        relay.wait_for_metric(lambda m: m.sum("culvert_active_requests") == 0)
        self.assertEqual(metrics.all("culvert_build_info")[0][1], 1)

    def test_the_debug_page_tells_what_runs(self):
        relay = self.busy()
        relay.wait_for_metric(lambda m: m.sum("culvert_active_requests") == 0 and
                              m.sum("culvert_client_connections") == 0)
        self.models.behave(stall="head", times=1)
        with RawClient(relay.http) as client:
            client.send(asking.post())
            self.models.wait(stalled_now=1)
            status, text = relay.admin_get("/debug")
            self.models.release()
            client.read_response("POST")
        self.assertEqual(status, 200)
        self.assertNotIn(POOLED, text)
        self.assertNotIn(TOKEN, text)
        page = json.loads(text)
        expected = {"ready": True, "draining": False, "workers": 2, "client_connections": 1,
                    "active_requests": 1, "routes": 0, "pools": [
                        {"name": "openai", "upstream": "openai", "keys": [
                            {"key": settings.masked(POOLED), "state": "ready"}]}]}
        self.assertEqual({name: page[name] for name in expected}, expected)
        self.assertGreater(page["upstreams"], 30)
        self.assertGreaterEqual(page["uptime_s"], 0)
        self.assertRegex(page["version"], r"^\d+\.\d+\.\d+$")

    def test_active_requests_and_connections_go_up_and_down(self):
        relay = self.relay()
        self.models.behave(stall="head", times=1)
        with RawClient(relay.http) as client:
            client.send(asking.post())
            self.models.wait(stalled_now=1)
            metrics = relay.metrics()
            self.assertEqual((metrics.sum("culvert_active_requests"),
                              metrics.sum("culvert_client_connections")), (1, 1))
            self.models.release()
            client.read_response("POST")
            relay.wait_for_metric(lambda m: m.sum("culvert_active_requests") == 0)
        relay.wait_for_metric(lambda m: m.sum("culvert_client_connections") == 0)


class Browsers(WithModels):
    ORIGIN = "https://app.example.com"
    PREFLIGHT = ("OPTIONS {path} HTTP/1.1\r\nHost: relay.test\r\nOrigin: {origin}\r\n"
                 "Access-Control-Request-Method: POST\r\n"
                 "Access-Control-Request-Headers: authorization,x-own,x-stainless-lang\r\n\r\n")

    def cors(self, **cors) -> Relay:
        return Relay.for_test(self, config=settings.resources(
            settings.relay(ca_file=certs.authority().ca_file, **({"cors": cors} if cors else {})),
            settings.upstream("openai", self.models.url)))

    def preflight(self, relay: Relay, origin: str = ORIGIN, path: str = asking.CHAT):
        return exchange(relay.http, self.PREFLIGHT.format(path=path, origin=origin))

    def test_a_preflight_of_an_allowed_origin(self):
        relay = self.cors(origins=[self.ORIGIN], headers=["X-Own"], max_age="10m")
        answer = self.preflight(relay)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(answer.get("access-control-allow-origin"), self.ORIGIN)
        self.assertEqual(answer.get("access-control-max-age"), "600")
        self.assertIn("POST", answer.get("access-control-allow-methods"))
        allowed = {h.strip().lower() for h in
                   answer.get("access-control-allow-headers").split(",")}
        self.assertLessEqual({"authorization", "content-type", "x-own", "x-api-key",
                              "anthropic-version", "x-goog-api-key", "x-stainless-lang"}, allowed)
        self.assertIn("origin", (answer.get("vary") or "").lower())
        self.assertEqual(self.models.requests(), [])

    def test_answers_and_errors_carry_it_too(self):
        relay = self.cors(origins=[self.ORIGIN])
        fields = f"Origin: {self.ORIGIN}\r\n"
        for request, status in ((asking.post(fields=fields), 200),
                                (asking.post("/nowhere/x", fields=fields), 404)):
            answer = exchange(relay.http, request)
            self.assertEqual(answer.status, status)
            self.assertEqual(answer.get("access-control-allow-origin"), self.ORIGIN)
            exposed = answer.get("access-control-expose-headers").lower()
            self.assertIn("x-request-id", exposed)
            self.assertEqual(len(answer.all("access-control-allow-origin")), 1)
        self.models.wait(ended=1)
        self.assertNotIn("origin:", self.models.requests()[0]["head"].lower())

    def test_other_origins_get_nothing(self):
        relay = self.cors(origins=[self.ORIGIN])
        for origin in ("https://evil.example", "https://app.example.com.evil.example", "null",
                       "http://app.example.com", "https://app.example.com:8443"):
            with self.subTest(origin=origin):
                self.assertIsNone(self.preflight(relay, origin).get("access-control-allow-origin"))
                answer = exchange(relay.http, asking.post(fields=f"Origin: {origin}\r\n"))
                self.assertIsNone(answer.get("access-control-allow-origin"))
                self.assertEqual(answer.status, 200)

    def test_a_star_allows_all_without_credentials(self):
        relay = self.cors(origins=["*"])
        answer = self.preflight(relay, "https://anywhere.example")
        self.assertEqual(answer.get("access-control-allow-origin"), "*")
        self.assertIsNone(answer.get("access-control-allow-credentials"))

    def test_unconfigured_there_is_no_cors(self):
        relay = self.cors()
        answer = exchange(relay.http, asking.post(fields=f"Origin: {self.ORIGIN}\r\n"))
        names = [n.lower() for n, _ in (*answer.headers, *self.preflight(relay).headers)]
        self.assertFalse([n for n in names if n.startswith("access-control-")])


class Ids(WithModels):
    def test_each_request_has_an_id_of_its_own(self):
        """A client's id goes nowhere; OpenAI's own, which its SDK shows, passes."""
        relay = self.relay()
        asked = [(asking.get("/healthz", key=None), "relay"), (asking.post(), "vendor"),
                 (asking.post(asking.MESSAGES), "relay"), (asking.post(asking.GEMINI), "relay"),
                 (asking.get("/nowhere/x"), "relay")] * 3
        with RawClient(relay.http) as client:
            for number, (request, whose) in enumerate(asked, 1):
                client.send(request.replace(b"Host:", b"X-Request-Id: by-client\r\nHost:", 1))
                ids = client.read_response("POST").all("x-request-id")
                line = self.last_line(relay, number)
                self.assertEqual(len(ids), 1)
                self.assertNotEqual(ids, ["by-client"])
                if whose == "relay":
                    self.assertEqual(ids, [line["id"]])
                else:
                    self.assertTrue(ids[0].startswith("req_"))
        self.assertEqual(len({line["id"] for line in relay.access_log}), len(asked))
        for seen in self.models.requests():
            self.assertNotIn("x-request-id", seen["head"].lower())

    def test_errors_name_it_in_the_body(self):
        relay = self.relay()
        for path in (f"/nowhere{asking.CHAT}", "/nowhere"):
            answer = exchange(relay.http, asking.post(path))
            self.assertEqual(answer.status, 404)
            self.assertIn(answer.get("x-request-id"), answer.body.decode())
            self.assertEqual(answer.get("content-type").split(";")[0], "application/json")


if __name__ == "__main__":
    unittest.main()
