# key list, add, disable, enable; where a key may come from, and that it is shown nowhere.
import os
import pty
import select
import subprocess
import unittest

from tests.integration.cli.support import ALL, HANG_GUARD_SECONDS, CliTest, program

KEY = "sk-another-key-to-pay-9876"


class Keys(CliTest):
    def setUp(self):
        super().setUp()
        self.ok("apply", "-f", self.file(ALL))

    def masked(self) -> list[str]:
        return [key["key"] for key in self.json("key", "list")["keys"]]

    def test_list(self):
        lines = self.ok("key", "list").splitlines()
        self.assertEqual(lines[0].split(),
                         ["POOL", "UPSTREAM", "ID", "KEY", "STATE", "ON", "RELAYS"])
        self.assertIn("sk-t…1234  enabled  1 ready, 1 resting", lines[1])
        self.assertIn("there are no keys", self.ok("key", "list", "absent"))

    def test_add_from_each_place(self):
        (self.folder / "key").write_text(KEY + "\n")
        for number, (argument, more) in enumerate((
                ((), {"stdin": KEY + "\n"}), (("-",), {"stdin": KEY}),
                (("env:THE_KEY",), {"env": {"THE_KEY": KEY}}), (("file:key",), {}))):
            with self.subTest(argument):
                done = self.run_cli("key", "add", "pool", *argument, **more)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("changed", done.stdout)
                self.assertEqual(self.masked()[1:], ["sk-a…9876"] * (number + 1))
                self.assertNotIn(KEY, done.stdout)

    def test_a_plain_argument_is_taken_with_a_warning(self):
        done = self.run_cli("key", "add", "pool", KEY)
        self.assertEqual(done.returncode, 0)
        self.assertIn("(ps)", done.stderr)
        self.assertNotIn(KEY, done.stderr)

    def test_what_is_no_key(self):
        self.assertIn("standard input is empty", self.fails(1, "key", "add", "pool"))
        self.assertIn("several lines", self.fails(1, "key", "add", "pool", stdin="a\nb\n"))
        self.fails(2, "key", "add", "pool", stdin="a,b")
        self.assertIn("env:ABSENT", self.fails(1, "key", "add", "pool", "env:ABSENT"))
        self.assertIn("there is no pool", self.fails(1, "key", "add", "nowhere", stdin=KEY))

    def test_disable_and_enable_by_the_beginning_of_an_id(self):
        key = self.json("key", "list")["keys"][0]["id"]
        self.ok("key", "disable", key[:6])
        self.assertIn("disabled", self.ok("key", "list"))
        self.ok("key", "enable", key)
        self.assertNotIn("disabled", self.ok("key", "list"))
        self.assertIn("there is no key", self.fails(1, "key", "disable", "zzzz"))

    def test_a_prompt_does_not_echo(self):
        main, side = pty.openpty()
        child = subprocess.Popen([program(), "key", "add", "pool", "--no-wait"], env=self.env,
                                 stdin=side, stdout=side, stderr=side, start_new_session=True)
        os.close(side)
        shown = b""
        sent = False
        while True:
            ready, _, _ = select.select([main], [], [], HANG_GUARD_SECONDS)
            self.assertTrue(ready, f"hang guard: {shown}")
            try:
                piece = os.read(main, 4096)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            shown += piece
            if b"(not shown): " in shown and not sent:
                sent = True
                os.write(main, KEY.encode() + b"x\x7f\r")
        os.close(main)
        self.assertEqual(child.wait(HANG_GUARD_SECONDS), 0, shown)
        self.assertNotIn(KEY.encode(), shown)
        self.assertEqual(self.masked()[1:], ["sk-a…9876"])


if __name__ == "__main__":
    unittest.main()
