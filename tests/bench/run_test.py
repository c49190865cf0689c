# One short run of run.sh with real proxies: it ends well, has no errors, ends all that it started,
# and says what is missing where something is. No figure is judged.
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

RUN = pathlib.Path(__file__).with_name("run.sh")


def run(*words: str, **env) -> subprocess.CompletedProcess:
    return subprocess.run([str(RUN), *words], capture_output=True, text=True, timeout=240,
                          env=os.environ | env)


def left_over(marker: str) -> list[str]:
    """Command lines of processes that still run, of which `marker` is a part."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, ValueError):
            continue
        if marker in line:
            found.append(line)
    return found


@unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "a core for the proxy and one for the load")
class Smoke(unittest.TestCase):
    def test_a_short_run(self):
        with tempfile.TemporaryDirectory(prefix="culvert-smoke-") as folder:
            file = pathlib.Path(folder) / "out.json"
            relay = os.environ.get("CULVERT_RELAY") or "build/bin/culvert-relay"
            done = run("plain", "--rounds", "1", "--seconds", "0.4", "--json", str(file),
                       "--culvert", f"again={relay}", TMPDIR=folder)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            self.assertEqual([], left_over(folder))
            document = json.loads(file.read_text())
        self.assertEqual([], document["failures"])
        rates = next(row for row in document["rows"] if row["key"] == "rate")["rounds"]
        self.assertEqual({"direct", "culvert", "again", "nginx", "haproxy"}, set(rates))
        self.assertTrue(all(value > 0 for values in rates.values() for value in values), rates)
        cpu = next(row for row in document["rows"] if row["key"] == "cpu")["rounds"]
        self.assertEqual({"culvert", "again", "nginx", "haproxy"},
                         {name for name, values in cpu.items() if values[0]})
        self.assertIn("culvert / again", done.stdout)

    def test_what_is_missing_is_said(self):
        done = run("plain", CULVERT_RELAY="no-such-relay")
        self.assertEqual(2, done.returncode)
        self.assertIn("no-such-relay is not there; build it: cmake --preset release", done.stderr)

    def test_a_wrong_name_is_told_the_right_ones(self):
        done = run("plane")
        self.assertEqual(2, done.returncode)
        self.assertIn("plane: no such workload; there are plain, tls,", done.stderr)


if __name__ == "__main__":
    unittest.main()
