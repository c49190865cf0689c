# What the tests of relays that go through each other share: a control service, a near relay in
# eu-west whose clients the tests are, far ones in other regions, and upstreams that know who came.
import json

from tests.fakes.relay import Relay
from tests.integration.fleet.support import FleetCase

PEER = "kind: Relay\nname: self\nspec:\n  peer: {listen: \"127.0.0.1:0\"}\n"


def document(kind: str, name: str, **spec) -> str:
    """JSON is YAML too."""
    return json.dumps({"kind": kind, "name": name, "spec": spec})


def documents(*all_of_them: str) -> str:
    return "\n---\n".join(all_of_them) + "\n"


class PeerCase(FleetCase):
    def near(self, **more) -> Relay:
        """Ends before all others: what it keeps open through them would hold up their ends."""
        self.enders = getattr(self, "enders", [])
        near = self.control.join("near", "eu-west", **more)
        self.enders.append(near)
        return near

    def tearDown(self):
        for near in getattr(self, "enders", []):
            near.close()

    def far(self, name: str = "far", region: str = "us-east", config: str = PEER, **more) -> Relay:
        return self.relay(name, region, config=config, **more)

    def relay(self, name: str, region: str, **more) -> Relay:
        relay = self.control.join(name, region, **more)
        self.addCleanup(relay.close)
        return relay

    def peers_of(self, relay: Relay) -> dict:
        """What it tells of the others at /debug, by name."""
        status, text = relay.admin_get("/debug")
        assert status == 200, text
        return {peer["relay"]: peer for peer in json.loads(text)["peers"]}

    def wait_for_peers(self, relay: Relay, *names: str) -> None:
        """Until it has asked each of them and was answered."""
        self.control.wait_for(
            lambda: self.peers_of(relay),
            lambda peers: all(peers.get(name, {}).get("round_trip_ms") for name in names))

    def settle(self, *relays: Relay) -> None:
        """Until what was applied runs on all of them."""
        names = {relay.name for relay in relays}
        self.control.wait_for(self.statuses, lambda all_of_them: all(
            all_of_them[name]["running_hash"] == all_of_them[name]["desired_hash"]
            for name in names))
