# Who may speak for whom: join tokens, certificates, clients' and operators' tokens.
import pathlib
import shutil

from tests.fakes.control import Control, JoinedRelay
from tests.integration.fleet.support import FleetCase, ask, house

CHAT = "/house/v1/chat/completions"


class Trust(FleetCase):
    def stranger(self) -> JoinedRelay:
        """A relay that has joined nothing yet."""
        relay = JoinedRelay.__new__(JoinedRelay)
        super(JoinedRelay, relay).__init__(start=False)
        relay.name = "stranger"
        self.addCleanup(relay.close)
        return relay

    def test_a_join_token_works_once(self):
        token = self.control.ask("relay", "join-token", "--region", "eu-west")["token"]
        self.assertEqual(self.stranger().enrol(self.control, token).returncode, 0)
        again = self.stranger()
        again.name = "again"
        done = again.enrol(self.control, token)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("token", done.stderr)
        self.assertEqual(list(self.statuses()), ["stranger"])

    def test_a_token_of_another_service_is_not_shown_to_this_one(self):
        other = Control.for_test(self)
        token = other.ask("relay", "join-token", "--region", "eu-west")["token"]
        done = self.stranger().enrol(self.control, token)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.statuses(), {})
        # It was not used up: the other service still takes it.
        self.assertEqual(self.stranger().enrol(other, token).returncode, 0)

    def test_a_removed_relay_is_refused_at_once(self):
        (relay,) = self.join("one")
        self.control.wait_for(self.statuses, lambda all: all["one"]["connected"])
        self.control.operator("relay", "remove", "one", "--yes")
        def told():
            return [line["error"] for line in list(relay.log) if "error" in line]
        # Its streams race: one may hear that it was removed, another that it is a stranger.
        self.control.wait_for(told, lambda all: any("does not belong" in words for words in all))
        self.assertEqual(self.statuses(), {})

    def test_a_copied_identity_speaks_for_nobody_else(self):
        one, two = self.join("one", "two", expect_exit=None)
        self.control.wait_for(self.statuses,
                              lambda all: all["one"]["connected"] and all["two"]["connected"])
        thief = pathlib.Path(two.env["CULVERT_STATE_DIR"]) / "identity"
        two.crash()
        shutil.rmtree(thief)
        shutil.copytree(pathlib.Path(one.env["CULVERT_STATE_DIR"]) / "identity", thief)
        two.start()
        # Whoever holds one's certificate is one: two stays away.
        two.wait_for_message("connected to the control service")
        self.assertFalse(self.statuses()["two"]["connected"])

    def test_a_revoked_client_is_refused_at_once(self):
        (relay,) = self.join("one")
        self.control.apply(house(self.models))
        made = self.control.ask("token", "create", "app", "--tenant", "acme")
        self.wait_until_served([relay], CHAT, made["secret"])
        self.control.operator("token", "revoke", made["token"]["id"])
        self.wait_until_served([relay], CHAT, made["secret"], 401)

    def test_roles(self):
        viewer = self.control.ask("token", "create", "look", "--role", "viewer")["secret"]
        self.control.operator("get", "Upstream", token=viewer)
        done = self.control.operator("apply", "-f", "-", token=viewer, expect=(1,),
                                     text=house(self.models))
        self.assertIn("role", done.stderr)
        done = self.control.operator("whoami", token="cvo_" + "a" * 40, expect=(1,))
        self.assertIn("token", done.stderr)

    def test_no_secret_comes_out(self):
        self.control.apply(house(self.models, keys=["sk-house-0123456789abcdefghij"]))
        for arguments in (("get", "KeyPool", "--output", "yaml"), ("key", "list"), ("history",),
                          ("logs",)):
            shown = self.control.operator(*arguments).stdout
            self.assertNotIn("0123456789", shown)
        data = pathlib.Path(self.control.data)
        for path in data.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"sk-house-0123456789", path.read_bytes(), path)
