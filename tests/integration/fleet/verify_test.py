# `culvert key verify`: an operator's program asks the service, which asks relays over their links,
# which ask the upstream. What each of them says and does when one of the others goes away.
import json
import os
import pty
import re
import select
import signal
import subprocess
import unittest

from tests.fakes.child import HANG_GUARD_SECONDS, base_environment, program
from tests.fakes.control import Control
from tests.fakes.models import Models
from tests.integration.fleet.support import FleetCase, house
from tests.integration.life.settings import masked

KEYS = [f"sk-fleet-{n}-{'0123456789' * 2}-{n}end" for n in range(12)]


class Verify(FleetCase):
    def setUp(self):
        self.models = self.enterContext(Models())  # takes any key
        self.control = Control.for_test(self)

    def serve(self, *names: str, keys=KEYS[:3], **more):
        """Relays that have the pool."""
        relays = self.join(*names, **more)
        self.control.apply(house(self.models, keys))
        for name in names:
            self.control.wait_for(self.statuses, lambda all: all[name]["connected"] and
                                  all[name]["running_hash"] == all[name]["desired_hash"])
        return relays

    def verify(self, *arguments: str, text: str = "", expect=(0,)) -> list[dict]:
        done = self.control.operator("key", "verify", *arguments, "--output", "json", text=text,
                                     expect=expect)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def begin(self, *arguments: str, **more) -> subprocess.Popen:
        """As a child whose lines come as they are known."""
        env = base_environment() | {
            "CULVERT_SERVER": self.control.address, "CULVERT_CA": self.control.ca,
            "CULVERT_TOKEN": self.control.token, "TERM": "xterm"}
        child = subprocess.Popen([program("culvert"), "key", "verify", *arguments], env=env,
                                 **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                                    "stderr": subprocess.PIPE, **more})

        def end():
            if child.poll() is None:
                child.kill()
            child.wait(HANG_GUARD_SECONDS)
            for stream in (child.stdout, child.stderr):
                if stream is not None:
                    stream.close()

        self.addCleanup(end)
        return child

    def wait_for_state(self, key: str, state: str) -> None:
        """As `key list` tells of the one relay."""
        def states():
            return {one["key"]: list(one["states"].values())
                    for one in self.control.ask("key", "list")["keys"]}

        self.control.wait_for(states, lambda all: all[masked(key)] == [state])

    @staticmethod
    def by_key(rows: list[dict], field: str = "status") -> dict:
        return {row["key"]: row[field] for row in rows}


class Answers(Verify):
    def test_good_bad_and_not_known(self):
        self.models.behave(key=KEYS[1], status=401, error_code="invalid_api_key")
        self.models.behave(key=KEYS[2], status=429)
        (relay,) = self.serve("one")
        rows = self.verify("house", expect=(1,))
        self.assertEqual(self.by_key(rows), {masked(KEYS[0]): "GOOD", masked(KEYS[1]): "BAD",
                                             masked(KEYS[2]): "ERROR"})
        self.assertEqual(self.by_key(rows, "error"),
                         {masked(KEYS[0]): "", masked(KEYS[1]): "not a valid key",
                          masked(KEYS[2]): "rate limited"})
        ids = {key["key"]: key["id"] for key in self.control.ask("key", "list")["keys"]}
        self.assertEqual(self.by_key(rows, "id"), ids)
        for row in rows:
            self.assertEqual((row["relay"], row["pool"], row["upstream"]),
                             ("one", "house", "house"))
        self.assertEqual({(seen["method"], seen["target"]) for seen in self.models.requests()},
                         {("GET", "/v1/models")})
        entry = self.control.operator("logs").stdout.splitlines()[-1]
        self.assertIn("key.verify house: 3 tests by relay one", entry)
        self.wait_for_state(KEYS[1], "isolated")

    def test_a_good_one_comes_back(self):
        """Isolated for ten minutes, of which none has passed."""
        (relay,) = self.serve("one", keys=KEYS[:2])
        self.models.behave(key=KEYS[0], status=401, times=1)
        self.verify(expect=(1,))
        self.wait_for_state(KEYS[0], "isolated")
        self.verify()
        self.wait_for_state(KEYS[0], "ready")

    def test_each_as_soon_as_it_is_known(self):
        self.serve("one")
        self.models.behave(key=KEYS[1], stall="head", times=1)
        child = self.begin("--output", "json")
        first = {json.loads(child.stdout.readline())["key"] for _ in range(2)}
        self.assertEqual(first, {masked(KEYS[0]), masked(KEYS[2])})
        self.models.release()
        self.assertEqual(json.loads(child.stdout.readline())["key"], masked(KEYS[1]))
        self.assertEqual(child.wait(HANG_GUARD_SECONDS), 0)

    def test_on_a_terminal(self):
        self.serve("one")
        self.models.behave(key=KEYS[1], status=401, error_code="invalid_api_key", stall="head")
        main, side = pty.openpty()
        self.addCleanup(os.close, main)
        child = self.begin("house", stdin=side, stdout=side, stderr=side)
        os.close(side)
        shown = self.read_until(main, lambda text: text.count("GOOD") == 2)
        self.assertNotIn("BAD", shown)
        self.models.release()
        shown += self.read_until(main, lambda text: "not known" in text)
        self.assertEqual(child.wait(HANG_GUARD_SECONDS), 1)
        lines = re.sub(r"\x1b\[\d*m", "", shown).replace("\r", "").splitlines()
        self.assertEqual(lines[0].split(), ["POOL", "UPSTREAM", "ID", "KEY", "RELAY", "STATUS",
                                            "WHY", "NOT"])
        self.assertEqual(lines[-1], "3 tested: 2 good, 1 bad, 0 not known")
        for line in lines[1:-1]:
            self.assertEqual(line.index(" one "), lines[0].index(" RELAY "), lines)
        self.assertIn(f"{masked(KEYS[1])}  one    BAD     not a valid key", lines[3])

    @staticmethod
    def read_until(terminal: int, enough) -> str:
        text = b""
        while not enough(text.decode(errors="ignore")):
            ready, _, _ = select.select([terminal], [], [], HANG_GUARD_SECONDS)
            assert ready, f"hang guard: {text}"
            text += os.read(terminal, 4096)
        return text.decode()

    def test_by_which_relay(self):
        self.serve("ap-1", "eu-1", "eu-2", regions=("ap-east", "eu-west", "eu-west"),
                   keys=KEYS[:1])
        def relays(*arguments):
            return [row["relay"] for row in self.verify(*arguments)]
        self.assertEqual(relays(), ["ap-1"])
        self.assertEqual(relays("--relay", "eu-2"), ["eu-2"])
        self.assertEqual(relays("--region", "eu-west"), ["eu-1"])
        self.assertEqual(sorted(relays("--all-relays")), ["ap-1", "eu-1", "eu-2"])
        self.assertEqual(sorted(relays("--all-relays", "--region", "eu-west")), ["eu-1", "eu-2"])
        self.control.operator("relay", "drain", "ap-1")
        self.assertEqual(relays(), ["eu-1"])

    def test_what_cannot_be(self):
        def refused(status: int, *arguments: str, **more) -> str:
            return self.control.operator("key", "verify", *arguments, expect=(status,),
                                         **more).stderr
        self.control.apply(house(self.models, KEYS[:2]))
        self.assertIn("none is connected", refused(1))
        self.join("one")
        self.control.wait_for(self.statuses, lambda all: all["one"]["connected"])
        self.assertIn('there is no KeyPool "nowhere"', refused(1, "nowhere"))
        self.assertIn("there is no relay two", refused(1, "--relay", "two"))
        self.assertIn("a relay of region moon", refused(1, "--region", "moon"))
        self.assertIn("no key matches", refused(1, "--key", "zzzz"))
        refused(2, "--relay", "one", "--all-relays")
        self.assertIn("--upstream", refused(2, "--key-file", "-", text="k"))
        self.assertIn("line 2", refused(2, "--key-file", "-", "--upstream", "house",
                                        text="k\nno key\n"))
        viewer = self.control.ask("token", "create", "look", "--role", "viewer")["secret"]
        self.assertIn("needs the role operator", refused(1, token=viewer))

    def test_one_key_and_none_that_is_disabled(self):
        self.serve("one")
        ids = {key["key"]: key["id"] for key in self.control.ask("key", "list")["keys"]}
        [row] = self.verify("--key", ids[masked(KEYS[1])][:8])
        self.assertEqual(row["key"], masked(KEYS[1]))
        self.control.operator("key", "disable", ids[masked(KEYS[1])])
        self.assertEqual(set(self.by_key(self.verify())), {masked(KEYS[0]), masked(KEYS[2])})


class Plain(Verify):
    def test_keys_that_are_kept_nowhere(self):
        (relay,) = self.serve("one", keys=KEYS[:1])
        self.models.behave(key=KEYS[5], status=401, error_code="invalid_api_key")
        rows = self.verify("--upstream", "house", "--key-file", "-", expect=(1,),
                           text=f"{KEYS[4]}\n{KEYS[5]}, {KEYS[4]}\n")
        self.assertEqual(self.by_key(rows), {masked(KEYS[4]): "GOOD", masked(KEYS[5]): "BAD"})
        path = os.path.join(self.control.folder, "keys.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{KEYS[6]}\n")
        self.verify("--upstream", "house", "--key-file", path)
        self.assertEqual({seen["key"] for seen in self.models.requests()}, set(KEYS[4:7]))
        everything = "\n".join([*relay.stderr_text, *relay.stdout_text, *self.control.stderr_text,
                                self.control.operator("logs").stdout])
        self.assertIn(masked(KEYS[4]), everything)  # in the audit log
        for key in KEYS[4:7]:
            self.assertNotIn(key, everything)
        self.assertEqual(len(self.control.ask("key", "list")["keys"]), 1)

    def test_an_upstream_that_the_relay_has_not(self):
        self.serve("one", keys=KEYS[:1])
        [row] = self.verify("--upstream", "nobody", "--key-file", "-", text=KEYS[4], expect=(1,))
        self.assertEqual((row["status"], row["error"]),
                         ("ERROR", "this relay has no such upstream"))


class Ends(Verify):
    """Everybody may go while keys are tested: nothing hangs, nothing goes on for nobody."""

    def under_way(self, **more):
        """A relay whose upstream keeps the first eight of twelve tests waiting."""
        (relay,) = self.serve("one", keys=KEYS, **more)
        self.models.behave(stall="head")
        child = self.begin("--output", "json")
        self.models.wait(stalled_now=8)
        return relay, child

    def rows(self, child) -> list[dict]:
        out, _ = child.communicate(timeout=HANG_GUARD_SECONDS)
        return [json.loads(line) for line in out.splitlines()]

    def test_few_at_a_time_and_ctrl_c_ends_them(self):
        relay, child = self.under_way()
        child.send_signal(signal.SIGINT)
        self.models.wait(connections_over=8)
        self.assertEqual(len(self.models.requests()), 8)
        self.models.reset()
        self.assertEqual(len(self.verify()), 12)

    def test_a_relay_that_dies(self):
        relay, child = self.under_way(expect_exit=None)
        relay.crash()
        rows = self.rows(child)
        self.assertEqual([row["error"] for row in rows],
                         ["the relay left before it was known"] * 12)
        self.assertEqual(child.returncode, 1)

    def test_a_relay_that_is_stopped(self):
        relay, child = self.under_way()
        relay.process.send_signal(signal.SIGTERM)
        rows = self.rows(child)
        self.assertEqual(len(rows), 12)
        self.assertLessEqual({row["error"] for row in rows},
                             {"the relay is stopping", "the relay left before it was known"})
        self.models.wait(connections_over=8)

    def test_a_relay_that_is_removed(self):
        relay, child = self.under_way()
        self.control.operator("relay", "remove", "one", "--yes")
        self.assertEqual({row["status"] for row in self.rows(child)}, {"ERROR"})
        self.models.wait(connections_over=8)

    def test_a_service_that_ends(self):
        relay, child = self.under_way()
        self.control.process.send_signal(signal.SIGTERM)
        self.rows(child)
        self.assertEqual(child.returncode, 1)
        self.models.wait(connections_over=8)

    def test_two_at_once_are_apart(self):
        relay, first = self.under_way()
        second = self.begin("--output", "json")
        self.models.wait(stalled_now=16)
        second.send_signal(signal.SIGINT)
        self.models.wait(connections_over=8)
        self.models.behave_well()
        self.models.release()
        rows = self.rows(first)
        self.assertEqual([row["status"] for row in rows], ["GOOD"] * 12)

    def test_a_fifth_is_told_that_the_relay_is_busy(self):
        relay, first = self.under_way()
        more = [self.begin("--output", "json") for _ in range(3)]
        self.models.wait(stalled_now=32)
        rows = self.verify(expect=(1,))
        self.assertEqual({row["error"] for row in rows},
                         {"this relay tests keys for others already; try again soon"})
        self.models.behave_well()
        self.models.release()
        for child in (first, *more):
            self.assertEqual(len(self.rows(child)), 12)


if __name__ == "__main__":
    unittest.main()
