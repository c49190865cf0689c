# What relays find of their targets and pools, as the control service tells it.
import json

from tests.fakes.control import free_port
from tests.fakes.models import Models
from tests.integration.fleet.support import KEY, FleetCase, ask, house

CHAT = "/house/v1/chat/completions"
SPARE = "sk-spare-0123456789abcdefghij"


class Health(FleetCase):
    def shown(self, name: str) -> dict:
        return self.control.ask("relay", "show", name)

    def events(self, *actions: str) -> list[tuple]:
        lines = self.control.operator("logs", "--output", "json").stdout.splitlines()
        return [(e["by"], e["action"], e["subject"], e["detail"]) for e in map(json.loads, lines)
                if e["action"] in actions]

    def test_targets_are_shown_as_the_relay_finds_them(self):
        self.join("one")
        dead = f"http://127.0.0.1:{free_port()}"
        self.control.apply(
            "kind: Upstream\nname: both\nspec:\n  dialect: openai\n"
            f"  targets: [{{url: \"{self.models.url}\"}}, {{url: \"{dead}\"}}]\n"
            "  health_check: {interval: 5s}\n")

        def told(relay):
            found = {t["target"]: t for t in relay["targets"] if t["upstream"] == "both"}
            return dead in found and all(t["checked"] for t in found.values())
        relay = self.control.wait_for(lambda: self.shown("one"), told)
        found = {t["target"]: t for t in relay["targets"] if t["upstream"] == "both"}
        self.assertTrue(found[self.models.url]["up"])
        self.assertEqual((found[dead]["up"], found[dead]["stage"]), (False, "connect"))
        text = self.control.operator("relay", "show", "one").stdout
        self.assertRegex(text, rf"target of both +{dead} failing")
        self.assertRegex(text, rf"target of both +{self.models.url} up")
        self.assertEqual(self.control.ask("relay", "list")["relays"][0]["targets"], [])

    def test_a_pool_that_shrinks_and_recovers_is_in_the_log(self):
        models = self.enterContext(Models(keys=[KEY, SPARE]))
        (relay,) = self.join("one")
        token = self.client_token()
        models.behave(key=SPARE, status=401, times=1)
        self.control.apply(house(models, keys=(KEY, SPARE)).rstrip() + "\n  isolation: 20s\n")
        self.wait_until_served([relay], CHAT, token)
        ask(relay, CHAT, token)  # one of the two has met the other key
        relay.wait_for_message("pool has fewer keys")
        # Nothing else happens: no request, no change.
        events = self.control.wait_for(
            lambda: self.events("pool.shrunk", "pool.recovered"), lambda all: len(all) >= 2)
        self.assertEqual(events, [
            ("relay one", "pool.shrunk", "house", "1 of 2 keys of house left"),
            ("relay one", "pool.recovered", "house", "2 of 2 keys of house left")])
        self.assertIn("pool house", self.control.operator("relay", "show", "one").stdout)


if __name__ == "__main__":
    import unittest
    unittest.main()
