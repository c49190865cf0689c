# A relay whose disk takes nothing: it runs on, says so to everybody who may look, and heals.
import contextlib
import pathlib
import resource

from tests.integration.fleet.support import FleetCase, ask, house, route

CHAT = "/house/v1/chat/completions"
FAILED = "the configuration cannot be kept; a restart without the service has an older one"


class Disk(FleetCase):
    def setUp(self):
        super().setUp()
        (self.relay,) = self.join("one")
        self.kept = pathlib.Path(self.relay.env["CULVERT_STATE_DIR"]) / "kept"
        self.token = self.client_token()
        self.control.apply(house(self.models))
        self.wait_until_served([self.relay], CHAT, self.token)

    @contextlib.contextmanager
    def full(self):
        """No file may grow: what a full disk does to a write, and no privilege is needed for it."""
        resource.prlimit(self.relay.pid, resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
        yield self.kept
        resource.prlimit(self.relay.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    @contextlib.contextmanager
    def read_only(self):
        """A file where the folder was: a mode would not keep root out."""
        away = self.kept.with_name("kept.away")
        self.kept.rename(away)
        self.kept.write_text("")
        yield away
        self.kept.unlink()
        away.rename(self.kept)

    def apply_route(self, prefix: str) -> str:
        self.control.apply(route("short", prefix).removeprefix("---\n"))
        path = prefix + "/v1/chat/completions"
        self.wait_until_served([self.relay], path, self.token)
        return path

    def state(self) -> dict:
        return self.statuses()["one"]["state"]

    def runs_on_and_heals(self, broken) -> None:
        before = {slot.name: slot.read_bytes() for slot in self.kept.iterdir()}
        self.assertEqual(set(before), {"config.a", "config.b"})
        with broken() as kept:
            self.apply_route("/s")
            path = self.apply_route("/t")
            self.relay.wait_for_message(FAILED)
            self.relay.wait_for_metric(
                lambda m: m.sum("culvert_control_config_keep_failed") == 1)
            self.control.wait_for(self.state, lambda state: state.get("keep_failed"))
            self.assertIn("cannot be written", self.control.operator("relay", "show", "one").stdout)
            said = [line for line in list(self.relay.log) if line.get("msg") == FAILED]
            self.assertEqual(len(said), 1, "once, and not for every change")
            after = {slot.name: slot.read_bytes() for slot in kept.iterdir()}
            self.assertEqual(after, before)
        self.relay.wait_for_message("the configuration is kept again")  # by itself
        self.relay.wait_for_metric(lambda m: m.sum("culvert_control_config_keep_failed") == 0)
        self.control.wait_for(self.state, lambda state: not state.get("keep_failed"))
        self.control.crash()
        self.relay.crash()
        self.relay.start()
        self.assertEqual(ask(self.relay, path, self.token)[0], 200)
        self.control.start()

    def test_full(self):
        self.runs_on_and_heals(self.full)

    def test_read_only(self):
        self.runs_on_and_heals(self.read_only)

    def test_full_for_usage_records_too(self):
        def lost() -> float:
            return self.relay.metrics().sum("culvert_usage_spool_lost_records")
        with self.full():
            for _ in range(3):
                self.assertEqual(ask(self.relay, CHAT, self.token)[0], 200)
            # A whole answer is there a moment before its record: setUp's last one may be lost too.
            self.control.wait_for(lost, lambda records: records >= 3)
        self.relay.wait_for_message(
            "usage records are lost: the disk or the bound of the spool takes no more")
        self.assertEqual(ask(self.relay, CHAT, self.token)[0], 200)
        self.assertIn(lost(), (3, 4))
