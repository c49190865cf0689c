# Requests that reach their upstream through another relay: which of them speaks TLS with it, what
# either of them tells, how one stands in for another, what is refused.
import hashlib
import json
import tempfile
import unittest

from tests.fakes import certs
from tests.fakes.control import free_port
from tests.fakes.models import Models
from tests.fakes.raw_upstream import RawUpstream
from tests.fakes.relay import run_once
from tests.integration.fleet.support import KEY, ask
from tests.integration.peers.support import PeerCase, document, documents

CHAT = "/house/v1/chat/completions"


def house(url: str, *strategies: str, regions=(), **more) -> str:
    relays = {"regions": list(regions)}
    return documents(
        document("Upstream", "house", dialect="openai", targets=[{"url": url}], relays=relays,
                 strategies=list(strategies), health_check={"off": True}, **more),
        document("KeyPool", "house", upstream="house", keys=[KEY], relays=relays))


class Through(PeerCase):
    def setUp(self):
        super().setUp()
        self.token = self.client_token()

    def asked(self, relay, status: int = 200) -> bytes:
        got, body = ask(relay, CHAT, self.token)
        self.assertEqual(got, status, body)
        return body

    def fleet(self, *strategies: str, url: str | None = None, **more):
        near, far = self.near(), self.far()
        self.control.apply(house(url or self.models.url, *strategies, **more))
        self.wait_until_served([near], CHAT, self.token)
        return near, far

    def secure_upstream(self) -> RawUpstream:
        context = certs.authority().issue("localhost").server_context()
        return self.enterContext(RawUpstream(answer_all, tls=context))

    def test_the_far_relay_connects(self):
        near, far = self.fleet("via:us-east")
        line = near.wait_for_log(count=1)[-1]
        self.assertEqual((line["strategy"], line["upstream"], line["status"]),
                         ("via:us-east", "house", 200))
        # Its own line says neither path nor key, and it has no record of usage: the near one has.
        rows = self.control.wait_for(
            lambda: self.control.ask("usage", "--by", "relay", "--from", "24h")["rows"], bool)
        self.assertEqual([row["group"]["relay"] for row in rows], ["near"])
        near.terminate()
        near.wait_exit()
        told = far.wait_for_log(count=1)[0]
        self.assertEqual((told["mode"], told["upstream"], told["outcome"]),
                         ("peer", "peer/near", "ok"))
        self.assertEqual(told["path"], self.models.url.removeprefix("http://"))
        self.assertGreater(told["bytes_out"], 0)

    def test_the_connection_through_it_is_used_again(self):
        near, far = self.fleet("via:us-east")
        for _ in range(5):
            self.asked(near)
        reused = near.metrics().sum("culvert_upstream_connections_total", upstream="house",
                                    kind="reused")
        self.assertGreater(reused, 0)
        self.assertLessEqual(far.metrics().sum("culvert_tunnel_active", tunnel="peer/in"), 2)

    def test_the_region_of_the_relay_itself_is_itself(self):
        self.near()
        here = self.far("here", "us-east")
        self.control.apply(house(self.models.url, "via:us-east"))
        self.wait_until_served([here], CHAT, self.token)
        self.assertEqual(here.wait_for_log(count=1)[-1]["strategy"], "socket")

    def test_end_to_end_tls_stays_at_the_near_relay(self):
        upstream = self.secure_upstream()
        bundle = {"SSL_CERT_FILE": certs.authority().ca_file}
        near, far = self.near(env=bundle), self.far()  # the far one could not verify it
        self.control.apply(house(upstream.url, "via:us-east"))
        self.wait_until_served([near], CHAT, self.token)
        self.assertGreaterEqual(near.wait_for_log(count=1)[-1]["tls_ms"], 0)
        self.assertEqual(far.metrics().sum("culvert_tunnel_active", tunnel="peer/in"), 1)

    def test_tls_at_the_far_relay_is_verified_by_its_certificates(self):
        upstream = self.secure_upstream()
        near = self.near()  # this one could not
        self.far(env={"SSL_CERT_FILE": certs.authority().ca_file})
        self.control.apply(house(upstream.url, "via:us-east",
                                 tls={"at": "far"}))
        self.wait_until_served([near], CHAT, self.token)

    def test_a_certificate_that_the_far_relay_refuses_is_told(self):
        upstream = self.secure_upstream()
        near, far = self.near(), self.far()
        self.control.apply(house(upstream.url, "via:us-east",
                                 tls={"at": "far"}))
        self.wait_until_served([near], CHAT, self.token, status=502)
        body = json.loads(self.asked(near, 502))
        self.assertIn("through the relay far", body["error"]["message"])
        self.assertEqual(near.wait_for_log(count=1)[-1]["stage"], "tls")

    def test_another_strategy_follows_where_the_region_has_no_relay(self):
        near, _ = self.fleet("via:ap-south", "socket")
        self.assertEqual(near.wait_for_log(count=1)[-1]["strategy"], "socket")

    def test_a_region_without_relays_is_told(self):
        near = self.near()
        self.control.apply(house(self.models.url, "via:ap-south"))
        self.wait_until_served([near], CHAT, self.token, status=502)
        self.assertIn("the region ap-south has no relay", self.asked(near, 502).decode())

    def test_another_relay_of_the_region_stands_in(self):
        near = self.near()
        first, second = self.far("far-1"), self.far("far-2")
        self.control.apply(house(self.models.url, "via:us-east"))
        self.wait_until_served([near], CHAT, self.token)
        self.wait_for_peers(near, "far-1", "far-2")
        first.crash()
        for _ in range(8):
            self.asked(near)
        peers = self.control.wait_for(
            lambda: self.peers_of(near), lambda told: not told["far-1"]["reachable"])
        self.assertTrue(peers["far-2"]["reachable"])
        self.assertEqual(near.metrics().sum("culvert_peer_up", relay="far-1"), 0)
        self.assertEqual(near.metrics().sum("culvert_peer_up", relay="far-2"), 1)
        first.start()
        self.control.wait_for(
            lambda: self.peers_of(near), lambda told: told["far-1"]["reachable"])
        self.assertTrue(second.process.poll() is None)

    def test_a_drained_relay_gets_no_more(self):
        near = self.near()
        self.far("far-1")
        self.far("far-2")
        self.control.apply(house(self.models.url, "via:us-east"))
        self.wait_until_served([near], CHAT, self.token)
        self.wait_for_peers(near, "far-1", "far-2")
        self.control.ask("relay", "drain", "far-1")
        self.control.wait_for(
            lambda: self.peers_of(near), lambda told: told["far-1"]["draining"])
        for _ in range(4):
            self.asked(near)

    def test_round_trips_reach_the_operator(self):
        self.fleet("via:us-east")
        relay = self.control.wait_for(
            lambda: self.control.ask("relay", "show", "near"),
            lambda shown: any(peer["round_trip_ms"] for peer in shown.get("peers", [])))
        (peer,) = relay["peers"]
        self.assertEqual((peer["relay"], peer["region"], peer["reachable"]),
                         ("far", "us-east", True))

    def test_keys_leave_where_they_are_bound(self):
        near, far = self.near(), self.far()
        other = "sk-other-0123456789abcdefghij"
        models = self.enterContext(Models(keys=[KEY, other]))
        self.control.apply(documents(
            document("Upstream", "house", dialect="openai", targets=[{"url": models.url}],
                     strategies=["socket"], health_check={"off": True}),
            document("KeyPool", "house", upstream="house", keys=[KEY, other],
                     bind=[{"via": "us-east", "keys": [key_id(other)]}])))
        self.wait_until_served([near], CHAT, self.token)
        for _ in range(6):
            self.asked(near)
        ways = {(line["key"], line["strategy"]) for line in near.wait_for_log(count=7)
                if line["status"] == 200}
        self.assertEqual({strategy for _, strategy in ways}, {"socket", "via:us-east"})
        self.assertEqual(len(ways), 2)  # each key has its one way
        far.wait_for_metric(lambda m: m.sum("culvert_tunnel_bytes_total", tunnel="peer/in") > 0)

    def test_who_has_not_joined_is_told_at_the_start(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(house(self.models.url, "via:us-east"))
            file.flush()
            done = run_once("--check", "--config", file.name,
                            env={"AUTH_TOKEN": "a-relay-token-for-this-test"})
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("`culvert-relay join` joins one", done.stderr)


class Policy(PeerCase):
    """What the far relay lets another one reach, whatever that one wants."""

    def setUp(self):
        super().setUp()
        self.token = self.client_token()

    def test_its_own_policy_holds(self):
        near, far = self.near(), self.far()
        # Only the near one has this upstream: for the far one it is any address, and a private one.
        self.control.apply(house(self.models.url, "via:us-east", regions=["eu-west"]))
        self.wait_until_served([near], CHAT, self.token, status=502)
        got, body = ask(near, CHAT, self.token)
        self.assertEqual(got, 502)
        self.assertIn(b"through the relay far", body)
        line = far.wait_for_log(count=1)[0]
        self.assertEqual((line["mode"], line["status"]), ("peer", 403))

    def test_a_dead_destination_is_told_with_its_stage(self):
        near, _ = self.near(), self.far()
        self.control.apply(house(f"http://127.0.0.1:{free_port()}", "via:us-east"))
        self.wait_until_served([near], CHAT, self.token, status=502)
        got, body = ask(near, CHAT, self.token)
        self.assertEqual(got, 502)
        self.assertIn(b"through the relay far", body)
        self.assertEqual(near.wait_for_log(count=1)[-1]["stage"], "connect")


def key_id(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def answer_all(connection) -> None:
    """A chat completion for each request of a connection."""
    body = json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]})
    while True:
        connection.recv_request()
        connection.answer(body, headers="Content-Type: application/json\r\n")


if __name__ == "__main__":
    unittest.main()
