# The headers that do go up and down: the allow-list in the relay's spelling, what a configuration
# adds and sets, the user agent, compression, cookies; and whose connections are shared with whom.
import unittest

from tests.fakes.raw_client import RawClient
from tests.integration.http.support import KEY_A, KEY_B, OK, TOKEN, HttpCase, always, fields_of

ALLOWED = {
    "content-type": "text/x", "accept": "a/b", "anthropic-version": "2023-06-01",
    "anthropic-beta": "a,b", "anthropic-dangerous-direct-browser-access": "true",
    "openai-organization": "o", "openai-project": "p", "openai-beta": "c", "idempotency-key": "i",
    "x-goog-api-client": "g", "x-goog-user-project": "u", "x-goog-upload-protocol": "resumable",
    "range": "bytes=0-1", "if-none-match": '"t"', "if-modified-since": "yesterday",
    "last-event-id": "7"}


class Up(HttpCase):
    CONFIG = """
kind: Upstream
name: one
spec:
  dialect: {dialect}
  targets: [{{url: "{url}"}}]
  {more}
"""

    def at(self, fields: str, more: str = "", dialect: str = "opaque", tail: str = "",
           path: str = "/one/a") -> dict:
        raw = self.upstream(always(OK))
        config = self.CONFIG.format(url=raw.url, more=more, dialect=dialect) + tail
        self.assertEqual(self.ask(self.relay(config), path, fields=fields).status, 200)
        self.received = raw.connections[0].received
        return fields_of(self.received)

    def test_what_is_allowed_arrives_with_its_value(self):
        got = self.at("".join(f"{n.upper()}: {v}\r\n" for n, v in ALLOWED.items()))
        self.assertEqual({n: v for n, v in got.items() if n not in ("host", "user-agent")}, ALLOWED)

    def test_a_field_that_comes_twice_arrives_as_one_list(self):
        got = self.at("anthropic-beta: a\r\nAnthropic-Beta: b\r\n")
        self.assertEqual(got["anthropic-beta"].replace(" ", ""), "a,b")

    def test_the_user_agent_is_a_constant_or_configured_or_the_clients_where_asked_for(self):
        mine = "User-Agent: me/1\r\n"
        self.assertEqual(self.at(mine)["user-agent"], "culvert")
        self.assertEqual(self.at(mine, "user_agent: other/2")["user-agent"], "other/2")
        self.assertEqual(self.at(mine, "client_user_agent: true")["user-agent"], "me/1")

    def test_compression_is_asked_for_only_where_the_client_does(self):
        self.assertNotIn("accept-encoding", self.at(""))
        wanted = "Accept-Encoding: gzip, br\r\n"
        self.assertEqual(self.at(wanted)["accept-encoding"], "gzip")  # not the client's own list
        got = self.at(wanted, dialect="openai")  # its streams are read along the way
        self.assertEqual(got["accept-encoding"], "identity")

    def test_an_upstream_and_a_route_set_and_allow(self):
        route = """---
kind: Route
name: r
spec:
  match: {path_prefix: /two}
  to: [{upstream: one}]
  headers: {allow: [x-third], set: {X-Set: by the route}}
"""
        more = "headers: {allow: [x-mine], set: {X-Set: by the upstream, X-Also: set}}"
        fields = "X-Mine: 1\r\nX-Third: 3\r\nX-Set: by the client\r\nX-Other: 4\r\n"
        got = self.at(fields, more, tail=route)
        self.assertEqual((got["x-mine"], got["x-set"], got["x-also"]),
                         ("1", "by the upstream", "set"))
        self.assertTrue({"x-third", "x-other"}.isdisjoint(got))
        got = self.at(fields, more, tail=route, path="/two/a")
        self.assertEqual((got["x-mine"], got["x-third"], got["x-set"]), ("1", "3", "by the route"))


class Down(HttpCase):
    ANSWER = (b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nServer: up\r\n"
              b"X-Request-Id: theirs\r\nContent-Length: 0\r\n\r\n")

    def test_cookies_come_down_in_generic_mode_only(self):
        raw = self.upstream(always(self.ANSWER))
        relay = self.relay(upstream=raw, AUTH_TOKEN=TOKEN, CULVERT_GENERIC_ALLOW="127.0.0.1/32")
        preset = self.ask(relay, "/raw/a")
        self.assertEqual((preset.all("set-cookie"), preset.get("server")), ([], "up"))
        generic = self.ask(relay, f"/{TOKEN}/http/{raw.address}/a")
        self.assertEqual(generic.all("set-cookie"), ["a=b", "c=d"])

    def test_an_answer_has_one_request_id(self):
        relay = self.relay(upstream=self.upstream(always(self.ANSWER)))
        self.assertEqual(self.ask(relay, "/raw/a").all("x-request-id"), ["theirs"])
        relay = self.relay(upstream=self.upstream(always(OK)))
        answer = self.ask(relay, "/raw/a")
        self.assertEqual(relay.wait_for_log()[0]["id"], answer.get("x-request-id"))


class Sharing(HttpCase):
    def connections(self, isolation: str) -> int:
        """How many connections four requests of two callers, in turn, are given."""
        raw = self.upstream(always(OK))
        relay = self.relay(Up.CONFIG.format(url=raw.url, dialect="openai", more=isolation),
                           CULVERT_WORKERS="1")
        for key in (KEY_A, KEY_B) * 2:
            self.assertEqual(self.ask(relay, "/one/a", fields=f"Authorization: Bearer {key}\r\n"
                                      ).status, 200)
        return len(raw.connections)

    def test_connections_are_shared(self):
        self.assertEqual(self.connections(""), 1)

    def test_tenants_that_ask_for_their_own_get_them(self):
        self.assertEqual(self.connections("isolation: tenant"), 2)


class ClientAddresses(HttpCase):
    def logged(self, how: str):
        relay = self.relay("kind: Relay\nname: r\nspec:\n"
                           f"  access_log: {{client_address: {how}}}\n")
        with RawClient(relay.http, source="127.9.8.7") as client:
            client.send("GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n").read_response()
        return relay.wait_for_log()[0].get("client")

    def test_they_are_logged_only_as_far_as_the_operator_asks(self):
        self.assertEqual([self.logged(how) for how in ("none", "truncated", "full")],
                         [None, "127.9.8.0", "127.9.8.7"])


if __name__ == "__main__":
    unittest.main()
