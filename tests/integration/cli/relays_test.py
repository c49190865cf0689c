# relay list, show, drain, undrain, remove, join-token.
import unittest

from tests.integration.cli.support import ALL, CliTest


class Relays(CliTest):
    def test_list(self):
        lines = self.ok("relay", "list").splitlines()
        self.assertEqual(lines[0].split("  ")[0], "NAME")
        self.assertEqual([line.split()[:3] for line in lines[1:]], [
            ["ap-1", "ap-east", "away"], ["eu-1", "eu-west", "serving"],
            ["us-1", "us-east", "serving"]])
        self.assertIn("68617368", lines[1])  # "hash0", its first four bytes
        relays = self.json("relay", "list")["relays"]
        self.assertEqual(relays[1]["running_hash"], "6861736830")
        self.assertEqual(relays[1]["last_seen"], "2027-01-15T08:00:00.000Z")

    def test_show_with_refusals(self):
        bad = ALL.replace("name: chat", "name: refused")
        self.assertEqual(self.run_cli("apply", "-f", "-", stdin=bad).returncode, 1)
        out = self.ok("relay", "show", "eu-1")
        self.assertRegex(out, r"in step +refused\n")
        self.assertRegex(out, r"refused +Route refused: the path is\?\[31m taken\n")
        self.assertRegex(out, r"first token p50/p95 +180/900 ms\n")
        self.assertIn("there is no relay xx", self.fails(1, "relay", "show", "xx"))
        self.assertEqual(self.json("relay", "show", "us-1")["region"], "us-east")

    def test_drain_and_undrain(self):
        self.assertEqual(self.ok("relay", "drain", "eu-1"),
                         "relay eu-1 takes no new requests; what runs on it ends by itself, and "
                         "`culvert relay show eu-1` counts it\n")
        self.assertRegex(self.ok("relay", "list"), r"eu-1 +eu-west +draining")
        self.assertIn("takes new requests again", self.ok("relay", "undrain", "eu-1"))
        self.assertIn("is away; it will drain", self.ok("relay", "drain", "ap-1"))

    def test_remove_asks(self):
        self.assertIn("--yes", self.fails(2, "relay", "remove", "eu-1"))
        self.assertEqual(len(self.json("relay", "list")["relays"]), 3)
        self.assertEqual(self.ok("relay", "remove", "eu-1", "--yes"), "relay eu-1 is removed\n")
        self.assertEqual(len(self.json("relay", "list")["relays"]), 2)

    def test_join_token(self):
        done = self.run_cli("relay", "join-token", "--region", "eu-west", "--ttl", "2h", "--label",
                            "tier=1", "--name", "eu-2")
        self.assertEqual(done.stdout, "join.eu-west.tier-1.eu-2\n")
        self.assertIn("until 2027-01-15T10:00:00Z", done.stderr)
        self.assertIn("NAME=VALUE", self.fails(2, "relay", "join-token", "--label", "tier"))
        self.assertIn("--ttl", self.fails(2, "relay", "join-token", "--ttl", "soon"))
        self.assertEqual(self.json("relay", "join-token", "--region", "x")["token"], "join.x.")


if __name__ == "__main__":
    unittest.main()
