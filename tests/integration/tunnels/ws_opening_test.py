# The opening of a WebSocket through the relay, byte by byte on both sides: what goes up and down,
# what is refused, and that nothing is a tunnel before the upstream's own 101 was found right.
import socket
import threading
import unittest

from tests.fakes import certs
from tests.fakes.raw_upstream import RawUpstream
from tests.integration.http.support import KEY_A, OK, TOKEN, always, fields_of, request
from tests.integration.tunnels.upgrade import (
    KEY, UpgradeCase, accept_of, agreement, echoing, opening)

MARK = "who-and-where-the-client-is"
CHROMIUM = (f"Origin: https://{MARK}.test\r\nUser-Agent: {MARK}\r\nCookie: a={MARK}\r\n"
            "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: de\r\nPragma: no-cache\r\n"
            f"X-Forwarded-For: 192.0.2.1\r\nX-Culvert-Token: {TOKEN}\r\n")
LIBRARY = f"user-agent: other\r\nProxy-Authorization: Bearer {TOKEN}\r\n"


class Opening(UpgradeCase):
    def test_what_goes_up_is_the_relays_own(self):
        raw = self.upstream(echoing(), tls=True)
        relay = self.relay(AUTH_TOKEN=TOKEN, PROXY_OPENAI_TARGET=raw.url, OPENAI_API_KEYS=KEY_A)
        for fields, key in ((CHROMIUM, KEY), (LIBRARY, "AAAAAAAAAAAAAAAAAAAAAA==")):
            client = self.open(relay, "/openai/v1/realtime?model=gpt-realtime", fields, key=key)
            answer = client.read_head()
            self.assertEqual(answer.status, 101)
            self.assertEqual(answer.get("sec-websocket-accept"), accept_of(key))
            self.assertEqual(answer.get("upgrade"), "websocket")
            self.assertEqual(answer.get("connection"), "Upgrade")
        heads = [one.received.split(b"\r\n\r\n")[0].decode() for one in raw.connections]
        keys = [fields_of(head.encode())["sec-websocket-key"] for head in heads]
        self.assertEqual(len(set(keys) | {KEY, "AAAAAAAAAAAAAAAAAAAAAA=="}), 4, keys)
        first, second = (head.replace(key, "") for head, key in zip(heads, keys))
        self.assertEqual(first, second)
        self.assertNotIn(MARK, first)
        self.assertEqual(first, "\r\n".join([
            "GET /v1/realtime?model=gpt-realtime HTTP/1.1", f"Host: localhost:{raw.port}",
            "User-Agent: culvert", f"Authorization: Bearer {KEY_A}", "Connection: Upgrade",
            "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: "]))

    def test_subprotocols_and_extensions_are_agreed_between_the_ends(self):
        raw = self.upstream(echoing("Sec-WebSocket-Protocol: b\r\n"
                                    "Sec-WebSocket-Extensions: permessage-deflate\r\n"))
        relay = self.relay(upstream=raw)
        offered = "permessage-deflate; client_max_window_bits"
        client = self.open(relay, "/raw/x", "Sec-WebSocket-Protocol: a, b\r\n"
                           f"Sec-WebSocket-Extensions: {offered}\r\n")
        answer = client.read_head()
        self.assertEqual((answer.get("sec-websocket-protocol"),
                          answer.get("sec-websocket-extensions")), ("b", "permessage-deflate"))
        sent = fields_of(raw.connections[0].received.split(b"\r\n\r\n")[0])
        self.assertEqual(sent["sec-websocket-protocol"], "a, b")
        self.assertEqual(sent["sec-websocket-extensions"], offered)

    def test_bytes_behind_the_101_and_too_early_ones_are_not_lost(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                raw = self.upstream(echoing(behind=b"at once"), tls=tls)
                relay = self.relay(upstream=raw)
                client = self.open(relay, "/raw/x", behind=b"too early")
                self.assertEqual(client.read_head().status, 101)
                self.assertEqual(client.read_exactly(16), b"at oncetoo early")

    def test_no_byte_goes_up_before_the_101(self):
        asked, checked = threading.Event(), []

        def script(connection):
            head = connection.recv_head()
            connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            asked.wait(30)  # the relay has passed the 103 on, long after it read the request
            connection.socket.setblocking(False)
            try:
                checked.append(connection.socket.recv(100, socket.MSG_PEEK))
            except BlockingIOError:
                checked.append(None)
            connection.socket.setblocking(True)
            connection.send(agreement(head))
            connection.send(connection.recv_exactly(5))

        relay = self.relay(upstream=self.upstream(script))
        client = self.open(relay, "/raw/x", behind=b"early")
        self.assertEqual(client.read_head().status, 103)
        asked.set()
        self.assertEqual(client.read_head().status, 101)
        self.assertEqual(client.read_exactly(5), b"early")
        self.assertEqual(checked, [None])

    def test_a_wrong_agreement_is_a_bad_gateway(self):
        wrong = {
            "accept of another key": dict(accept=accept_of("AAAAAAAAAAAAAAAAAAAAAA==")),
            "accept of the client's key": dict(accept=accept_of(KEY)),
            "no accept": dict(accept=""),
            "another protocol": dict(upgrade="h2c"),
            "a subprotocol that was not offered": dict(fields="Sec-WebSocket-Protocol: x\r\n"),
            "an extension that was not offered": dict(fields="Sec-WebSocket-Extensions: x\r\n"),
            "content": dict(fields="Content-Length: 3\r\n"),
        }
        for what, options in wrong.items():
            with self.subTest(what):
                def script(connection, options=options):
                    connection.send(agreement(connection.recv_head(), **options) + b"never")
                    connection.recv_end()
                raw = self.upstream(script)
                relay = self.relay(upstream=raw)
                client = self.open(relay, "/raw/x", behind=b"frames")
                self.assert_own_error(client.read_response(), 502, "first_byte")
                raw.wait_finished(1)
                self.assertNotIn(b"frames", raw.connections[0].received)

    def test_a_101_that_nobody_asked_for_is_a_bad_gateway(self):
        def script(connection):
            connection.recv_head()
            connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            b"Connection: Upgrade\r\n\r\nnever")
            connection.recv_end()
        relay = self.relay(upstream=self.upstream(script))
        self.assert_own_error(self.ask(relay, "/raw/x"), 502, "first_byte")

    def test_another_answer_is_passed_on_and_http_goes_on(self):
        raw = self.upstream(always(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"))
        relay = self.relay(upstream=raw)
        client = self.client(relay)
        for _ in range(2):
            client.send(opening("/raw/x"))
            answer = client.read_response()
            self.assertEqual((answer.status, answer.body, answer.complete), (403, b"no", True))
        client.send(request("/raw/y"))
        self.assertEqual(client.read_response().status, 403)
        line = relay.wait_for_log(lambda line: line.get("mode") == "websocket")[0]
        self.assertEqual((line["status"], line["outcome"]), (403, "ok"))
        self.assertNotIn("close", line)

    def test_openings_that_are_none(self):
        raw = self.upstream(always(OK))
        relay = self.relay(upstream=raw, AUTH_TOKEN=TOKEN)
        bad = [opening("/raw/x", key="short"), opening("/raw/x", method="POST"),
               opening("/raw/x", f"Sec-WebSocket-Key: {KEY}\r\n"),
               opening("/raw/x", "Sec-WebSocket-Protocol: a, a\r\n"),
               opening("/raw/x", "Sec-WebSocket-Extensions: ;\r\n")]
        for sent in bad:
            client = self.client(relay)
            client.send(sent)
            self.assert_own_error(client.read_response(), 400, "request")
        client = self.client(relay)
        client.send(opening("/raw/x", version="12"))
        answer = client.read_response()
        self.assert_own_error(answer, 426, "request")
        self.assertEqual(answer.get("sec-websocket-version"), "13")
        self.assertEqual(answer.get("upgrade"), "websocket")
        answer = self.ask(relay, f"/{TOKEN}/wss/localhost:{raw.port}/x")
        self.assert_own_error(answer, 426, "request")
        self.assertEqual(raw.connections, [])

    def test_another_target_is_tried_before_anything_was_sent(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            dead = closed.getsockname()[1]
        raw = self.upstream(echoing())
        relay = self.relay(PROXY_RAW_TARGET=f"http://127.0.0.1:{dead},{raw.url}")
        for _ in range(4):  # whichever is first
            client = self.websocket(relay, "/raw/x")
            client.send(b"bytes")
            self.assertEqual(client.read_exactly(5), b"bytes")

    def test_an_upstream_that_only_fetch_reaches_carries_none(self):
        raw = self.upstream(always(OK))
        relay = self.relay("kind: Upstream\nname: raw\nspec: {dialect: opaque, strategies: [fetch],"
                           f" targets: [{{url: '{raw.url}'}}]}}\n")
        client = self.open(relay, "/raw/x")
        self.assert_own_error(client.read_response(), 501, "route")
        self.assertEqual(raw.connections, [])

    def test_a_generic_target(self):
        raw = self.upstream(echoing(), tls=True)
        relay = self.relay(AUTH_TOKEN=TOKEN, CULVERT_GENERIC_ALLOW="localhost")
        for scheme in ("wss/", "wss://", "https/"):
            path = f"/{TOKEN}/{scheme}localhost:{raw.port}/a?b"
            client = self.websocket(relay, path, CHROMIUM)
            client.send(b"bytes")
            self.assertEqual(client.read_exactly(5), b"bytes")
            head = raw.connections[-1].received.split(b"\r\n\r\n")[0]
            self.assertTrue(head.startswith(b"GET /a?b HTTP/1.1\r\n"), head)
            self.assertNotIn(MARK.encode(), head)
            self.assertNotIn(TOKEN.encode(), head)
        refused = self.open(relay, f"/{TOKEN}/wss/127.0.0.1:{raw.port}/a")
        self.assert_own_error(refused.read_response(), 403)
        unknown = self.open(relay, f"/no-{TOKEN}/wss/localhost:{raw.port}/a")
        self.assert_own_error(unknown.read_response(), 404)


class Credentials(UpgradeCase):
    """Where a browser can put them."""

    @classmethod
    def setUpClass(cls):
        cls.raw = RawUpstream(echoing(), tls=certs.server().server_context())
        cls.addClassCleanup(cls.raw.close)

    def setUp(self):
        self.under_test = self.relay(
            AUTH_TOKEN=TOKEN, PROXY_OPENAI_TARGET=self.raw.url, OPENAI_API_KEYS=KEY_A,
            PROXY_GEMINI_TARGET=self.raw.url, GEMINI_API_KEYS="AIza-pool-0123456789abcdef")

    def up(self, path: str, fields: str = "") -> tuple[str, dict]:
        """The target and the fields that went up."""
        self.websocket(self.under_test, path, fields)
        head = self.raw.connections[-1].received.split(b"\r\n\r\n")[0]
        self.assertNotIn(TOKEN.encode(), head)
        return head.split(b" ")[1].decode(), fields_of(head)

    def test_a_relay_token_makes_the_pool_pay(self):
        for offered in (f"realtime, openai-insecure-api-key.{TOKEN}",
                        f"realtime, culvert-token.{TOKEN}"):
            _, fields = self.up("/openai/v1/realtime", f"Sec-WebSocket-Protocol: {offered}\r\n")
            self.assertEqual(fields["sec-websocket-protocol"], "realtime")
            self.assertEqual(fields["authorization"], f"Bearer {KEY_A}")

    def test_a_key_of_the_callers_own_goes_up_as_it_came(self):
        offered = "realtime, openai-insecure-api-key.sk-own, openai-beta.realtime-v1"
        _, fields = self.up("/openai/v1/realtime",
                            f"Sec-WebSocket-Protocol: {offered}, culvert-token.{TOKEN}\r\n")
        self.assertEqual(fields["sec-websocket-protocol"], offered)
        self.assertNotIn("authorization", fields)

    def test_gemini_live(self):
        live = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
        for path in (f"/gemini{live}?key={TOKEN}", f"{live}?access_token={TOKEN}",
                     f"/{TOKEN}{live}", f"{live}?key={TOKEN}&access_token={TOKEN}"):
            target, fields = self.up(path)
            self.assertEqual(target, live)
            self.assertEqual(fields["x-goog-api-key"], "AIza-pool-0123456789abcdef")
        own, fields = self.up(f"{live}?access_token=auth_tokens%2Fown&key={TOKEN}")
        self.assertEqual(own, f"{live}?access_token=auth_tokens%2Fown")
        self.assertNotIn("x-goog-api-key", fields)

    def test_wrong_ones_are_refused(self):
        wrong = "Sec-WebSocket-Protocol: realtime, culvert-token.wrong\r\n"
        live = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
        for path, fields in (("/openai/v1/realtime", wrong), ("/openai/v1/realtime", ""),
                             (f"/gemini{live}", ""), (f"{live}?access_token=", "")):
            client = self.open(self.under_test, path, fields)
            self.assertEqual(client.read_response().status, 401)

    def test_a_route_chooses_by_the_model_of_the_query(self):
        relay = self.relay(f"""
kind: Upstream
name: voice
spec: {{dialect: openai, targets: [{{url: "{self.raw.url}"}}]}}
---
kind: Route
name: by-model
spec: {{match: {{models: ["gpt-realtime*"]}}, to: [{{upstream: voice, model: gpt-other}}]}}
""")
        self.websocket(relay, "/openai/v1/realtime?model=gpt-realtime-mini&x=y",
                       "Authorization: Bearer sk-own\r\n")
        head = self.raw.connections[-1].received
        self.assertIn(b"/v1/realtime?model=gpt-other&x=y ", head.split(b"\r\n")[0])


if __name__ == "__main__":
    unittest.main()
