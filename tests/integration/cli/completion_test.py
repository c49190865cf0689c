# completion: the printed script sourced in a real bash, asked as Tab asks it.
import shutil
import subprocess
import unittest

from tests.integration.cli.support import ALL, HANG_GUARD_SECONDS, CliTest, program

# Prints what bash would offer for COMP_WORDS, the last of which is being typed.
ASK = """
source <("$1" completion bash)
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_culvert
printf '%s\\n' "${COMPREPLY[@]}"
"""


class Bash(CliTest):
    def offered(self, *words: str) -> list[str]:
        done = subprocess.run(["bash", "--norc", "-c", ASK, "bash", program(), program(), *words],
                              env=self.env, capture_output=True, text=True, cwd=self.folder,
                              timeout=HANG_GUARD_SECONDS)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_verbs_and_flags(self):
        self.assertEqual(self.offered("re"), ["rollback", "relay", "restore"][1:])
        self.assertEqual(self.offered("relay", ""), ["list", "show", "drain", "undrain", "remove",
                                                     "join-token"])
        self.assertEqual(self.offered("apply", "--pr"), ["--prune"])
        self.assertEqual(self.offered("apply", "--prune", "--pr"), [])
        self.assertEqual(self.offered("relay", "list", "--outp"), ["--output"])
        self.assertEqual(self.offered("top", "--output", ""), ["table", "json", "yaml"])
        self.assertEqual(self.offered("top", "--output", "=", "j"), ["json"])
        self.assertEqual(self.offered("completion", "z"), ["zsh"])
        self.assertEqual(self.offered("get", ""), ["all", "upstreams", "keypools", "routes",
                                                   "tunnels"])

    def test_names_that_the_service_knows(self):
        self.ok("apply", "-f", self.file(ALL))
        self.assertEqual(self.offered("relay", "show", ""), ["ap-1", "eu-1", "us-1"])
        self.assertEqual(self.offered("relay", "drain", "e"), ["eu-1"])
        self.assertEqual(self.offered("get", "routes", ""), ["chat"])
        self.assertEqual(self.offered("delete", "upstream", "m"), ["model"])
        self.assertEqual(self.offered("key", "add", ""), ["pool"])
        self.assertEqual(self.offered("key", "list", "--pool", "x"), [])
        self.assertEqual(self.offered("rollback", ""), ["1"])
        self.assertEqual(len(self.offered("key", "disable", "")), 1)

    def test_flags_that_were_typed_count(self):
        self.env["CULVERT_TOKEN"] = "wrong"
        self.assertEqual(self.offered("relay", "show", ""), [])
        self.assertEqual(self.offered("--token", self.TOKEN, "relay", "show", "e"), ["eu-1"])

    def test_files(self):
        self.file(ALL, "my config.yaml")
        self.assertEqual(self.offered("apply", "-f", "my"), ["my", "config.yaml"])
        self.assertEqual(self.offered("backup", "my"), ["my", "config.yaml"])

    def test_a_service_that_is_away_is_silent(self):
        self.env["CULVERT_SERVER"] = "127.0.0.1:1"
        self.assertEqual(self.offered("relay", "show", ""), [])


class OtherShells(CliTest):
    def test_scripts_are_sound_where_their_shell_is_here(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.ok("completion", shell)
            self.assertIn("__complete", script)
            if shutil.which(shell):
                done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True,
                                      timeout=HANG_GUARD_SECONDS)
                self.assertEqual((done.returncode, done.stderr), (0, ""), shell)

    def test_every_candidate_has_a_description(self):
        lines = self.ok("__complete", "").splitlines()
        self.assertIn("apply\tMake the configuration what the files say", lines)


if __name__ == "__main__":
    unittest.main()
