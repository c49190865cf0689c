# top and --watch: on a real pseudo-terminal, drawn in place and left behind as it was found; on a
# pipe, one page after the other. Waits are for what is seen.
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import unittest

from tests.integration.cli.support import ALL, HANG_GUARD_SECONDS, UPSTREAM, CliTest, program


class Window:
    """A program in a terminal of its own."""

    def __init__(self, test: CliTest, *arguments: str, columns: int = 120, rows: int = 30, **env):
        self.test = test
        self.main, self.side = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.side)
        self.child = subprocess.Popen([program(), *arguments], env=test.env | env, stdin=self.side,
                                      stdout=self.side, stderr=self.side, start_new_session=True)
        self.shown = b""
        test.addCleanup(self.close)

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(HANG_GUARD_SECONDS)
        os.close(self.main)
        os.close(self.side)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: bytes) -> None:
        os.write(self.main, keys)

    def wait_for(self, pattern: str) -> None:
        """Until it is shown, from here on."""
        start = len(self.shown)
        wanted = re.compile(pattern.encode(), re.S)
        while not wanted.search(self.shown[start:]):
            ready, _, _ = select.select([self.main], [], [], HANG_GUARD_SECONDS)
            self.test.assertTrue(ready, f"hang guard: {pattern}: {self.shown[-3000:]}")
            self.shown += os.read(self.main, 65536)

    def end(self) -> int:
        """The exit status, when all was read that it wrote; the terminal has to be as before."""
        while self.child.poll() is None or select.select([self.main], [], [], 0)[0]:
            if select.select([self.main], [], [], 0.02)[0]:
                self.shown += os.read(self.main, 65536)
        self.test.assertEqual(termios.tcgetattr(self.side), self.before)
        self.test.assertEqual(self.shown.count(b"\x1b[?1049h"), self.shown.count(b"\x1b[?1049l"))
        self.test.assertTrue(self.shown.endswith(b"\x1b[?25h\x1b[?1049l"), self.shown[-300:])
        return self.child.returncode


class Top(CliTest):
    def test_it_is_drawn_in_place_and_q_leaves(self):
        window = Window(self, "top", "--interval", "200ms")
        window.wait_for(r"3 relays.*\x1b\[J")
        window.wait_for(r"\x1b\[H.*\x1b\[J")  # again, from the top left
        self.assertIn(b"\x1b[?1049h\x1b[?25l", window.shown)
        window.press(b"q")
        self.assertEqual(window.end(), 0)

    def test_what_it_shows(self):
        out = self.ok("top", "--count", "1").splitlines()
        self.assertEqual(out[0].split("  ")[0], "RELAY")
        self.assertEqual(out[2].split(), ["eu-1", "eu-west", "serving", "yes", "12.5", "7", "0.5",
                                          "180/900", "3000", "48MiB", "25%"])
        self.assertEqual(out[4].split(), ["3", "relays", "2", "there", "2", "yes", "262", "47",
                                          "0.5", "180/900", "6000", "96MiB", "50%"])

    def test_sorting_by_flag_and_by_key(self):
        def order(text: str) -> list[str]:
            return re.findall(r"^(?:\x1b\[\w*m)?([a-z]{2}-1)", text, re.M)
        self.assertEqual(order(self.ok("top", "--count", "1")), ["ap-1", "eu-1", "us-1"])
        self.assertEqual(order(self.ok("top", "--count", "1", "--sort", "requests")),
                         ["us-1", "eu-1", "ap-1"])
        window = Window(self, "top")
        window.wait_for(r"ap-1.*eu-1.*us-1.*\x1b\[J")
        window.press(b"e")
        window.wait_for(r"\x1b\[H[^H]*eu-1[^H]*ap-1[^H]*us-1[^H]*\x1b\[J")
        window.press(b"q")
        self.assertEqual(window.end(), 0)

    def test_ctrl_c_and_sigterm_leave_a_good_terminal(self):
        for leave in (lambda w: w.press(b"\x03"), lambda w: w.child.send_signal(signal.SIGTERM),
                      lambda w: w.child.send_signal(signal.SIGINT)):
            window = Window(self, "top")
            window.wait_for("3 relays")
            leave(window)
            self.assertEqual(window.end(), 0)

    def test_it_follows_the_size_of_the_window(self):
        window = Window(self, "top", "--interval", "1m", columns=120)
        window.wait_for("25%")
        window.resize(20, 4)
        window.wait_for(r"\x1b\[H[^H]*…[^H]*\x1b\[J")
        last = window.shown.rsplit(b"\x1b[H", 1)[1].split(b"\x1b[J")[0].decode()
        lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", line) for line in last.split("\n")]
        self.assertEqual(len(lines), 4)
        self.assertTrue(all(len(line) <= 20 for line in lines), lines)
        window.press(b"q")
        self.assertEqual(window.end(), 0)

    def test_a_service_that_goes_and_comes_back(self):
        window = Window(self, "top")
        window.wait_for("3 relays")
        port = self.service.port
        self.service.close()
        window.wait_for("does not answer|asking again|failed")
        self.start_service(port=port)
        window.wait_for(r"\x1b\[H(?:(?!answer|again|failed).)*3 relays")
        window.press(b"q")
        self.assertEqual(window.end(), 0)

    def test_a_service_that_is_not_there_is_an_error(self):
        window = Window(self, "top", CULVERT_SERVER="127.0.0.1:1")
        while window.child.poll() is None or select.select([window.main], [], [], 0)[0]:
            if select.select([window.main], [], [], 0.02)[0]:
                window.shown += os.read(window.main, 65536)
        self.assertEqual(window.child.returncode, 1)
        self.assertIn(b"does not answer", window.shown.split(b"\x1b[?1049l")[-1])

    def test_on_a_pipe_one_table_for_each_interval(self):
        out = self.ok("top", "--count", "3", "--interval", "200ms")
        self.assertEqual(out.count("RELAY"), 3)
        self.assertNotIn("\x1b", out)
        lines = self.ok("top", "--count", "2", "-o", "json").splitlines()
        self.assertEqual([len(json.loads(line)["relays"]) for line in lines], [3, 3])

    def test_colours_and_no_colour(self):
        window = Window(self, "relay", "list")
        window.wait_for(r"us-1[^\n]*\n")
        self.assertIn(b"\x1b[32mserving\x1b[0m", window.shown)
        plain = Window(self, "relay", "list", NO_COLOR="1")
        plain.wait_for(r"us-1[^\n]*\n")
        self.assertNotIn(b"\x1b", plain.shown)


class Watch(CliTest):
    def test_get_on_a_pipe_writes_again_what_changed(self):
        child = self.start("get", "upstreams", "--watch", "-o", "json")
        self.assertEqual(json.loads(child.stdout.readline())["resources"], [])
        self.ok("apply", "-f", self.file(UPSTREAM))
        names = [r["name"] for r in json.loads(child.stdout.readline())["resources"]]
        self.assertEqual(names, ["model"])

    def test_tables_on_a_pipe_are_parted_by_an_empty_line(self):
        child = self.start("token", "list", "--watch", "--interval", "50ms")
        self.assertIn("there are no tokens", child.stdout.readline())
        self.ok("token", "create", "x", "--role", "viewer")
        self.assertEqual(child.stdout.readline(), "\n")
        self.assertIn("ID", child.stdout.readline())
        self.assertIn("viewer", child.stdout.readline())

    def test_relays_and_keys_on_a_pipe(self):
        child = self.start("relay", "list", "--watch")
        self.assertIn("NAME", child.stdout.readline())
        keys = self.start("key", "list", "--watch", "--interval", "50ms")
        self.assertIn("there are no keys", keys.stdout.readline())
        self.ok("apply", "-f", self.file(ALL))
        self.assertEqual(keys.stdout.readline(), "\n")
        self.assertIn("POOL", keys.stdout.readline())

    def test_on_a_terminal_it_is_drawn_in_place(self):
        window = Window(self, "get", "--watch")
        window.wait_for("nothing is configured yet")
        self.ok("apply", "-f", self.file(ALL))
        window.wait_for(r"\x1b\[H.*chat.*\x1b\[J")
        window.press(b"q")
        self.assertEqual(window.end(), 0)


class Progress(CliTest):
    def test_only_what_takes_long_shows_that_it_is_waited_for(self):
        window = Window(self, "key", "list", "slow", "--timeout", "2s")
        window.wait_for(r"waiting for 127")
        window.wait_for(r"\r\x1b\[K.*did not answer within 2s")
        quick = Window(self, "whoami")
        quick.wait_for("revision 0")
        self.assertNotIn(b"waiting", quick.shown)
        self.assertNotIn("waiting", self.fails(1, "key", "list", "slow", "--timeout", "1500ms"))


if __name__ == "__main__":
    unittest.main()
