# apply, diff, delete, rollback: what is sent, what is told, and with which status it ends.
import unittest

from tests.integration.cli.support import ALL, POOL, ROUTE, UPSTREAM, CliTest


class Apply(CliTest):
    def test_a_change_is_told_and_relays_are_waited_for(self):
        out = self.ok("apply", "-f", self.file(ALL), "-m", "first")
        self.assertEqual(out, "created  KeyPool   pool\n"
                              "created  Route     chat\n"
                              "created  Upstream  model\n"
                              "revision 1\n"
                              "2 relays run revision 1\n"
                              "1 relay is away and will get it later: ap-1\n")
        self.assertIn("nothing to change; revision 1 stays", self.ok("apply", "-f", self.file(ALL)))
        self.assertEqual(self.json("history")["revisions"][0]["comment"], "first")

    def test_json_has_what_a_script_needs(self):
        reply = self.json("apply", "-f", self.file(ALL))
        self.assertEqual(reply["revision"], 1)
        self.assertIn({"kind": "Route", "name": "chat", "what": "created"}, reply["changes"])
        self.assertIn({"name": "eu-1", "state": "runs", "refusals": []}, reply["relays"])
        self.assertIn({"name": "ap-1", "state": "away", "refusals": []}, reply["relays"])
        self.assertEqual(self.json("apply", "--no-wait", "-f", self.file(UPSTREAM))["relays"], [])

    def test_standard_input_several_files_and_folders(self):
        self.file(UPSTREAM, "d/1.yaml")
        self.file(POOL, "d/2.yml")
        self.file("no yaml: [", "d/notes.txt")
        self.ok("apply", "-f", str(self.folder / "d"), "-f", "-", stdin=ROUTE)
        names = [r["name"] for r in self.json("get")["resources"]]
        self.assertEqual(names, ["pool", "chat", "model"])

    def test_a_dry_run_changes_nothing(self):
        self.assertIn("--dry-run", self.ok("apply", "--dry-run", "-f", self.file(ALL)))
        self.assertEqual(self.json("get")["resources"], [])

    def test_form_errors_have_their_place_and_send_nothing(self):
        path = self.file(UPSTREAM.replace("dialect: openai", "dialekt: openai"))
        words = self.fails(1, "apply", "-f", path, env={"CULVERT_SERVER": "127.0.0.1:1"})
        self.assertIn(f"{path}:4: ", words)
        self.assertIn("dialekt", words)
        self.assertIn("dialect", words)

    def test_one_name_in_two_files_names_both_places(self):
        one, two = self.file(UPSTREAM, "1.yaml"), self.file(UPSTREAM, "2.yaml")
        words = self.fails(1, "apply", "-f", one, "-f", two)
        self.assertIn(f"{two}:2: ", words)
        self.assertIn(f"{one}:2", words)

    def test_a_relay_document_is_refused(self):
        words = self.fails(1, "apply", "-f", "-", stdin="kind: Relay\nname: edge\nspec: {}\n")
        self.assertIn("<stdin>:2: a Relay holds the settings of one process", words)

    def test_findings_have_the_place_in_the_file(self):
        path = self.file(ROUTE)
        words = self.fails(1, "apply", "-f", path)
        self.assertIn(f'{path}:7: there is no upstream "model" (Route chat)', words)
        self.assertIn("nothing was changed", words)

    def test_a_conflict_says_what_to_do(self):
        self.ok("apply", "-f", self.file(ALL))
        words = self.fails(1, "apply", "--revision", "0", "-f", self.file(UPSTREAM))
        self.assertIn("somebody changed the configuration meanwhile", words)
        self.assertIn("run diff and apply again", words)

    def test_a_relay_that_refuses_is_told_and_fails(self):
        refused = ROUTE.replace("name: chat", "name: refused")
        done = self.run_cli("apply", "-f", "-", stdin=UPSTREAM + "---\n" + refused)
        self.assertEqual(done.returncode, 1)
        self.assertIn("refused by relay eu-1: Route refused: the path is?[31m taken", done.stdout)
        self.assertIn("1 relay runs revision 1", done.stdout)

    def test_prune_deletes_what_is_left_out_and_asks(self):
        self.ok("apply", "-f", self.file(ALL))
        both = self.file(UPSTREAM + "---\n" + POOL)
        words = self.fails(2, "apply", "--prune", "-f", both)
        self.assertIn("  Route chat\n", words)
        self.assertIn("--yes", words)
        self.assertEqual(len(self.json("get")["resources"]), 3)
        self.assertIn("deleted    Route", self.ok("apply", "--prune", "--yes", "-f", both))
        self.assertEqual(len(self.json("get")["resources"]), 2)


class Secrets(CliTest):
    def test_references_are_followed_here(self):
        (self.folder / "key").write_text("sk-from-a-file-0123456789\n")
        pool = POOL.replace('"sk-the-first-key-of-all-1234"', 'env:KEY, "file:key"')
        self.ok("apply", "-f", "-", stdin=UPSTREAM + "---\n" + pool,
                env={"KEY": "sk-from-a-variable-01234"})
        keys = [key["key"] for key in self.json("key", "list")["keys"]]
        self.assertEqual(keys, ["sk-f…1234", "sk-f…6789"])

    def test_a_reference_to_nothing_names_its_line(self):
        path = self.file(POOL.replace('"sk-the-first-key-of-all-1234"', "env:ABSENT"))
        words = self.fails(1, "apply", "-f", path)
        self.assertIn(f"{path}:5: the variable ABSENT of env:ABSENT is not set", words)


class Diff(CliTest):
    def test_no_difference_is_0_and_a_difference_1_and_trouble_2(self):
        path = self.file(ALL)
        self.ok("apply", "-f", path)
        self.assertEqual(self.ok("diff", "-f", path), "")
        changed = self.file(ALL.replace("/chat", "/talk"))
        done = self.run_cli("diff", "-f", changed)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, "--- Route/chat (revision 1)\n+++ Route/chat (files)\n"
                                      "@@ -2,6 +2,6 @@\n name: chat\n spec:\n   match:\n"
                                      "-    path_prefix: /chat\n+    path_prefix: /talk\n"
                                      "   to:\n     - upstream: model\n")
        self.fails(2, "diff", "-f", "absent.yaml")
        self.fails(2, "diff", "-f", path, env={"CULVERT_SERVER": "127.0.0.1:1"})

    def test_what_is_new_and_what_goes(self):
        self.ok("apply", "-f", self.file(ALL))
        new = self.file(UPSTREAM.replace("name: model", "name: other"))
        out = self.run_cli("diff", "--prune", "-f", new).stdout
        self.assertIn("--- /dev/null\n+++ Upstream/other (files)\n", out)
        self.assertIn("--- Route/chat (revision 1)\n+++ /dev/null\n", out)
        self.assertNotIn("first-key", out)

    def test_a_secret_that_looks_the_same_masked_is_told(self):
        self.ok("apply", "-f", self.file(ALL))
        other = self.file(ALL.replace("the-first-key", "the-other-key"))
        done = self.run_cli("diff", "-f", other)
        self.assertEqual(done.returncode, 1)
        self.assertIn("a secret differs", done.stdout)


class DeleteAndRollback(CliTest):
    def test_delete(self):
        self.ok("apply", "-f", self.file(ALL))
        self.assertIn("deleted    Route     chat", self.ok("delete", "routes", "chat"))
        self.assertIn("there is no Route chat", self.fails(1, "delete", "ROUTE", "chat"))
        self.assertIn("unknown kind", self.fails(2, "delete", "roots", "chat"))

    def test_rollback(self):
        self.ok("apply", "-f", self.file(ALL))
        self.ok("delete", "rt", "chat")
        self.assertIn("created", self.ok("rollback", "1", "--dry-run"))
        out = self.ok("rollback", "1", "-m", "it was needed")
        self.assertIn("revision 3\n", out)
        self.assertEqual(len(self.json("get")["resources"]), 3)
        self.assertIn("there is no such revision", self.fails(1, "rollback", "99"))
        self.fails(2, "rollback", "many")


if __name__ == "__main__":
    unittest.main()
