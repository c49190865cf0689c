# A change reaches all relays that it is for, alone where one of them refuses, and back.
import json
import time

from tests.integration.fleet.support import FleetCase, ask, house, route

CHAT = "/house/v1/chat/completions"


class Configuration(FleetCase):
    def test_what_is_applied_is_served_by_all(self):
        relays = self.join("one", "two", "three", regions=("eu-west", "us-east", "ap-east"))
        token = self.client_token()
        for relay in relays:
            self.assertEqual(ask(relay, CHAT, token)[0], 404)
        began = time.monotonic()
        self.control.apply(house(self.models) + route("short", "/s"))
        self.wait_until_served(relays, "/s/v1/chat/completions", token)
        print(f"\n  served by three relays {time.monotonic() - began:.2f} s after `apply` began")
        statuses = self.control.wait_for(self.statuses, lambda all: all["three"]["running_hash"])
        for name, status in statuses.items():
            self.assertEqual(status["running_hash"], status["desired_hash"], name)
            self.assertTrue(status["connected"], name)

    def test_a_relay_speaks_of_revisions_as_operators_do(self):
        here, there = self.join("here", "there", regions=("eu-west", "us-east"))
        self.client_token()  # counts in the store, and is no revision
        self.control.apply(house(self.models))
        self.control.apply(route("short", "/s").removeprefix("---\n").rstrip() +
                           "\n  relays: {regions: [us-east]}\n")
        newest = self.control.ask("history")["revisions"][0]["number"]
        for relay in (here, there):  # one of them has nothing to change for it
            relay.wait_for_metric(
                lambda m: m.sum("culvert_control_config_revision") == int(newest))
            relay.wait_for_message("all of the control service's revision is here",
                                   revision=int(newest))
            self.assertEqual(json.loads(relay.admin_get("/readyz")[1])["revision"], int(newest))
        changed = [line["revision"] for line in list(there.log)
                   if line.get("msg") == "the control service's configuration changed"]
        self.assertEqual(changed[-1], int(newest))
        statuses = self.control.wait_for(self.statuses, lambda all: all["here"]["connected"])
        for status in statuses.values():
            self.assertEqual(int(status["running_revision"]), int(newest))

    def test_one_relay_refuses_one_item_and_holds_nothing_back(self):
        (good,) = self.join("good")
        (odd,) = self.join("odd", env={"PROXY_SHARED_TARGET": "http://127.0.0.1:9"})
        token = self.client_token()
        shared = "---\nkind: Upstream\nname: shared\nspec:\n" \
                 f"  dialect: openai\n  targets: [{{url: \"{self.models.url}\"}}]\n"
        done = self.control.apply(house(self.models) + shared + route("short", "/s"), expect=(1,))
        self.assertIn("odd", done.stdout + done.stderr)
        self.assertIn("shared", done.stdout + done.stderr)
        self.wait_until_served([good, odd], "/s/v1/chat/completions", token)
        statuses = self.statuses()
        self.assertEqual(statuses["good"]["running_hash"], statuses["good"]["desired_hash"])
        self.assertNotEqual(statuses["odd"]["running_hash"], statuses["odd"]["desired_hash"])
        (refusal,) = statuses["odd"]["refusals"]
        self.assertEqual(refusal["name"], "shared")

    def test_a_bad_file_changes_nothing_and_says_where(self):
        self.join("one")
        before = self.control.ask("whoami")["revision"]
        done = self.control.apply("kind: Route\nname: r\nspec:\n  match: {path_prefix: /x}\n"
                                  "  to: [{upstream: nowhere}]\n", expect=(1, 2))
        self.assertIn("nowhere", done.stderr)
        self.assertIn(":5", done.stderr)
        self.assertEqual(self.control.ask("whoami")["revision"], before)

    def test_rolled_back(self):
        (relay,) = self.join("one")
        token = self.client_token()
        self.control.apply(house(self.models) + route("short", "/s"))
        first = self.control.ask("whoami")["revision"]
        self.control.apply(route("short", "/t").removeprefix("---\n"))
        self.wait_until_served([relay], "/t/v1/chat/completions", token)
        self.assertEqual(ask(relay, "/s/v1/chat/completions", token)[0], 404)
        self.control.operator("rollback", str(first))
        self.wait_until_served([relay], "/s/v1/chat/completions", token)
        self.assertEqual(ask(relay, "/t/v1/chat/completions", token)[0], 404)

    def test_for_a_region_alone(self):
        here, there = self.join("here", "there", regions=("eu-west", "us-east"))
        token = self.client_token()
        self.control.apply(house(self.models) + route("short", "/s").rstrip() +
                           "\n  relays: {regions: [us-east]}\n")
        self.wait_until_served([there], "/s/v1/chat/completions", token)
        self.wait_until_served([here], CHAT, token)
        self.assertEqual(ask(here, "/s/v1/chat/completions", token)[0], 404)

    def test_drained_and_back(self):
        one, two = self.join("one", "two")
        token = self.client_token()
        self.control.apply(house(self.models))
        self.wait_until_served([one, two], CHAT, token)
        self.control.operator("relay", "drain", "one")
        self.control.wait_for(lambda: one.admin_get("/readyz")[0], lambda got: got == 503)
        self.assertEqual(two.admin_get("/readyz")[0], 200)
        self.control.operator("relay", "undrain", "one")
        self.control.wait_for(lambda: one.admin_get("/readyz")[0], lambda got: got == 200)
        self.wait_until_served([one], CHAT, token)

    def test_ten_thousand_routes(self):
        (relay,) = self.join("one")
        token = self.client_token()
        many = "".join(route(f"r{i}", f"/r/{i}") for i in range(10_000))
        self.control.apply(house(self.models) + many)
        self.wait_until_served([relay], "/r/9999/v1/chat/completions", token)
        began = time.monotonic()
        self.control.apply(route("last", "/last").removeprefix("---\n"))
        self.wait_until_served([relay], "/last/v1/chat/completions", token)
        print(f"\n  one route beside 10,000: served {time.monotonic() - began:.2f} s later")
