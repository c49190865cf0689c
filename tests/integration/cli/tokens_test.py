# token create, revoke, list; backup and restore.
import pathlib
import unittest

from tests.integration.cli.support import CliTest


class Tokens(CliTest):
    def test_life_of_a_token(self):
        self.assertIn("there are no tokens", self.ok("token", "list"))
        done = self.run_cli("token", "create", "ann", "--role", "operator", "--ttl", "30d")
        self.assertEqual(done.stdout, "secret-of-t1\n")
        self.assertIn("token t1 (operator), good until 2027-02-14T08:00:00Z", done.stderr)
        self.assertEqual(self.ok("token", "create", "app", "--tenant", "team"), "secret-of-t2\n")
        lines = self.ok("token", "list").splitlines()
        self.assertEqual(lines[1].split()[:4], ["t1", "ann", "operator", "good"])
        self.assertEqual(lines[2].split()[:5], ["t2", "app", "tenant", "team", "good"])
        self.assertEqual(self.ok("token", "revoke", "t1"), "token t1 (ann) is revoked\n")
        self.assertEqual([t["id"] for t in self.json("token", "list")["tokens"]], ["t2"])
        self.assertIn("revoked", self.ok("token", "list", "--all"))
        self.assertNotIn("secret-of", self.ok("token", "list", "--all", "-o", "yaml"))

    def test_bad_usage(self):
        self.assertIn("--role", self.fails(2, "token", "create", "x"))
        self.fails(2, "token", "create", "x", "--role", "admin", "--tenant", "t")
        self.fails(2, "token", "create", "x", "--role", "king")
        self.assertIn("there is no token", self.fails(1, "token", "revoke", "t9"))


class Store(CliTest):
    TEXT = "culvert-backup\npart two\n"

    def test_backup_is_for_its_owner_alone_and_replaces_nothing(self):
        path = self.folder / "b"
        self.assertEqual(self.ok("backup", str(path)), "")
        self.assertEqual(path.read_text(), self.TEXT)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertIn("--force", self.fails(2, "backup", str(path)))
        self.ok("backup", "--force", str(path))
        self.assertEqual(self.ok("backup", "-"), self.TEXT)

    def test_a_backup_that_fails_leaves_nothing(self):
        folder = self.folder / "out"
        folder.mkdir()
        self.fails(1, "backup", str(folder / "b"),
                   env={"CULVERT_TOKEN": "viewer-token-of-the-fake"})
        self.assertEqual(list(folder.iterdir()), [])

    def test_restore(self):
        path = self.file(self.TEXT, "b")
        self.assertIn("--yes", self.fails(2, "restore", path))
        self.assertEqual(self.ok("restore", "--yes", path),
                         "restored; the configuration is at revision 77\n")
        self.assertIn("77", self.ok("restore", "--yes", "-", stdin=self.TEXT))
        self.assertIn("is no backup", self.fails(1, "restore", "--yes", self.file("other", "c")))
        self.fails(1, "restore", "--yes", str(pathlib.Path(path).with_name("absent")))


if __name__ == "__main__":
    unittest.main()
