# get, history, logs, usage, whoami, version, help: what is printed, in each format.
import json
import unittest

from tests.integration.cli.support import ALL, CliTest


class Get(CliTest):
    def test_a_table_of_everything(self):
        self.assertIn("nothing is configured yet", self.ok("get"))
        self.ok("apply", "-f", self.file(ALL))
        self.assertEqual(self.ok("get", "all").splitlines(), [
            "KIND      NAME   REVISION  CHANGED               BY   WHAT",
            "KeyPool   pool          1  2027-01-15T08:00:01Z  ann  1 key of model",
            "Route     chat          1  2027-01-15T08:00:01Z  ann  /chat → model",
            "Upstream  model         1  2027-01-15T08:00:01Z  ann  openai, https://model.example"])

    def test_kinds_in_any_form(self):
        self.ok("apply", "-f", self.file(ALL))
        for word in ("Upstream", "upstreams", "UP", "ups"):
            with self.subTest(word):
                self.assertEqual([r["kind"] for r in self.json("get", word)["resources"]],
                                 ["Upstream"])
        self.assertIn("see culvert relay --help", self.fails(2, "get", "relays"))
        self.assertIn("there is no Route absent", self.fails(1, "get", "route", "absent"))

    def test_yaml_can_be_applied_again_and_hides_secrets(self):
        self.ok("apply", "-f", self.file(ALL))
        text = self.ok("get", "-o", "yaml")
        self.assertIn("sk-t…1234", text)
        self.assertNotIn("first-key", text)
        self.assertEqual(self.run_cli("apply", "--dry-run", "-f", "-", stdin=text).returncode, 0)

    def test_json(self):
        self.ok("apply", "-f", self.file(ALL))
        reply = self.json("get", "upstream", "model")
        self.assertEqual(reply["resources"], [{
            "kind": "Upstream", "name": "model",
            "spec": {"dialect": "openai", "targets": [{"url": "https://model.example"}]},
            "revision": 1, "changed": "2027-01-15T08:00:01.000Z", "changed_by": "ann"}])

    def test_an_old_revision(self):
        self.ok("apply", "-f", self.file(ALL))
        self.ok("delete", "route", "chat")
        self.assertEqual(len(self.json("get", "--revision", "1")["resources"]), 3)
        self.assertEqual(len(self.json("get", "--revision", "2")["resources"]), 2)


class HistoryAndLogs(CliTest):
    def test_history(self):
        self.ok("apply", "-f", self.file(ALL), "-m", "the \x1b]0;evil\x07 start")
        self.ok("delete", "route", "chat")
        lines = self.ok("history").splitlines()
        self.assertEqual(lines[0].split(), ["REVISION", "TIME", "BY", "CHANGES", "MESSAGE"])
        self.assertIn("deleted Route chat", lines[1])
        self.assertRegex(lines[2], r"3 created +the \?\]0;evil\? start$")
        self.assertEqual(len(self.json("history", "--limit", "1")["revisions"]), 1)
        self.fails(2, "history", "--limit", "0")

    def test_logs(self):
        self.ok("apply", "-f", self.file(ALL), "-m", "start")
        self.assertIn("2027-01-15T08:00:01Z  ann  apply revision 1: start  from 127.0.0.1\n",
                      self.ok("logs"))
        lines = [json.loads(line) for line in self.ok("logs", "-o", "json").splitlines()]
        self.assertEqual([line["action"] for line in lines], ["start", "apply"])

    def test_logs_follow(self):
        child = self.start("logs", "--follow")
        self.assertIn("start service", child.stdout.readline())
        self.ok("apply", "-f", self.file(ALL))
        self.assertIn("apply revision 1", child.stdout.readline())


class Usage(CliTest):
    def test_a_table_with_sums(self):
        out = self.ok("usage", "--by", "tenant,model", "--from", "24h").splitlines()
        self.assertEqual(out[0].split(), ["TENANT", "MODEL", "REQUESTS", "INPUT", "CACHED",
                                          "OUTPUT", "REASONING", "IN", "OUT", "TIME"])
        self.assertEqual(out[1].split(), ["tenant-1", "model-1", "1", "1,234,567", "0", "1,000",
                                          "0", "0B", "5.0MiB", "1m30s"])
        self.assertEqual(out[2].split()[2], "86,400")
        self.assertEqual(out[3].split(), ["total", "86,401", "2,469,134", "0", "2,000", "0", "0B",
                                          "10MiB", "3m"])

    def test_times(self):
        def span(*words):
            return self.json("usage", *words)["rows"][1]["requests"]
        self.assertEqual(span("--from", "7d"), 7 * 86400)
        self.assertEqual(span("--from", "2026-11-01", "--until", "2026-11-02T00:00:00+01:00"),
                         23 * 3600)
        self.assertIn("--from: ", self.fails(2, "usage", "--from", "yesterday"))
        self.assertIn("before", self.fails(2, "usage", "--from", "1h", "--until", "2h"))
        self.assertIn('did you mean "tenant"', self.fails(2, "usage", "--by", "tennant"))

    def test_lost_records_are_told(self):
        self.assertIn("3 records were lost", self.run_cli("usage", "--tenant", "lossy").stderr)


class Help(CliTest):
    VERBS = ("apply", "diff", "get", "delete", "history", "rollback", "relay", "relay list",
             "relay show", "relay drain", "relay undrain", "relay remove", "relay join-token",
             "key", "key list", "key add", "key disable", "key enable", "token", "token create",
             "token revoke", "token list", "top", "usage", "logs", "backup", "restore", "login",
             "whoami", "context", "context list", "context use", "completion", "version")

    def test_every_verb_tells_of_itself_within_100_columns(self):
        for verb in ("", *self.VERBS):
            with self.subTest(verb):
                out = self.ok(*verb.split(), "--help")
                self.assertIn("Usage: culvert", out)
                self.assertTrue(all(len(line) <= 100 for line in out.splitlines()), out)

    def test_bad_usage_is_one_line_that_says_where_help_is(self):
        for words, part in (((), "Usage: culvert"), (("aply",), 'did you mean "apply"'),
                            (("relay",), "culvert relay --help"),
                            (("relay", "lst"), 'did you mean "list"'),
                            (("apply",), "culvert apply --help"),
                            (("get", "all", "a", "b"), "culvert get --help"),
                            (("get", "--output", "xml"), "culvert get --help"),
                            (("whoami", "--nonsense"), "--nonsense")):
            with self.subTest(words):
                self.assertIn(part, self.fails(2, *words))

    def test_whoami_and_version(self):
        self.assertEqual(self.ok("whoami"), f"ann2 (admin) at {self.service.address}, "
                                            "culvert-control 9.9.9, revision 0\n")
        self.assertEqual(self.json("whoami"), {"name": "ann2", "role": "admin", "service": "9.9.9",
                                               "revision": 0})
        self.assertRegex(self.ok("version"), r"^culvert \d+\.\d+\.\d+\nculvert-control 9.9.9\n$")
        self.assertRegex(self.ok("version", "--client"), r"^culvert \d+\.\d+\.\d+\n$")
        self.assertRegex(self.ok("--version"), r"^culvert \d")

    def test_colours_only_on_a_terminal(self):
        self.assertNotIn("\x1b", self.ok("relay", "list"))


if __name__ == "__main__":
    unittest.main()
