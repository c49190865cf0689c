# The service goes and comes back; relays carry on, restart from what they kept, and catch up.
import pathlib

from tests.integration.fleet.support import FleetCase, ask, house, route

CHAT = "/house/v1/chat/completions"


class Outage(FleetCase):
    def setUp(self):
        super().setUp()
        self.one, self.two = self.join("one", "two")
        self.token = self.client_token()
        self.control.apply(house(self.models))
        self.wait_until_served([self.one, self.two], CHAT, self.token)

    def in_step(self, statuses: dict) -> bool:
        return all(s["connected"] and s["running_hash"] == s["desired_hash"]
                   for s in statuses.values())

    def test_traffic_goes_on_and_a_relay_boots_from_its_cache(self):
        self.control.crash()
        self.assertEqual(ask(self.one, CHAT, self.token)[0], 200)
        self.two.crash()
        self.two.start()
        self.assertEqual(ask(self.two, CHAT, self.token)[0], 200)
        self.assertIn("cached", self.two.admin_get("/readyz")[1])
        self.control.start()
        self.control.wait_for(self.statuses, self.in_step)
        self.control.wait_for(lambda: self.two.admin_get("/readyz")[1],
                              lambda text: "connected" in text)
        self.control.apply(route("short", "/s").removeprefix("---\n"))
        self.wait_until_served([self.one, self.two], "/s/v1/chat/completions", self.token)

    def test_what_was_answered_is_kept_over_a_crash(self):
        revision = self.control.ask("whoami")["revision"]
        self.control.crash()
        self.control.start()
        self.assertEqual(self.control.ask("whoami")["revision"], revision)
        newest = self.control.ask("history")["revisions"][0]
        self.assertEqual(newest["number"], revision)

    def test_broken_slots_of_the_cache(self):
        self.control.crash()
        state = pathlib.Path(self.two.env["CULVERT_STATE_DIR"])
        self.two.crash()
        for name in ("config.a", "config.b"):  # a third file is one it was writing when it crashed
            slot = state / "kept" / name
            slot.write_bytes(slot.read_bytes()[:-1] + b"?")
        self.two.start()  # with what its environment says
        self.assertEqual(ask(self.two, CHAT, self.token)[0], 404)
        self.control.start()
        self.wait_until_served([self.two], CHAT, self.token)
