# Who is spoken to and as whom: flags, variables, login and its file; and every way in which a
# service cannot be reached, each with words that say what to do.
import socket
import threading
import unittest

from tests.fakes import certs
from tests.integration.cli.support import ALL, CliTest

NOTHING = {"CULVERT_SERVER": None, "CULVERT_CA": None, "CULVERT_TOKEN": None}


class Failures(CliTest):
    def refused(self, *arguments, **env) -> str:
        return self.fails(1, *(arguments or ("whoami",)), env=env)

    def test_nobody_listens(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % free.getsockname()[1]
            words = self.refused(CULVERT_SERVER=address)
        self.assertEqual(words, f"culvert: the service at {address} does not answer: is "
                                "culvert-control running? --server or CULVERT_SERVER names "
                                "another\n")

    def test_a_service_that_is_silent(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = "127.0.0.1:%d" % silent.getsockname()[1]
            words = self.refused("whoami", "--timeout", "300ms", CULVERT_SERVER=address)
        self.assertIn("did not answer within 300ms: --timeout", words)

    def test_a_call_that_takes_too_long(self):
        words = self.refused("key", "list", "slow", "--timeout", "300ms")
        self.assertIn("did not answer within 300ms", words)

    def test_no_tls(self):
        with socket.create_server(("127.0.0.1", 0)) as plain:
            def answer():
                try:
                    while True:
                        peer, _ = plain.accept()
                        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                        peer.recv(4096)
                        peer.close()
                except OSError:
                    pass  # the listener is closed
            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            words = self.refused(CULVERT_SERVER="127.0.0.1:%d" % plain.getsockname()[1])
            plain.shutdown(socket.SHUT_RDWR)
        self.assertIn("speaks no TLS", words)

    def test_another_authority(self):
        other = certs.stranger().ca_file
        words = self.refused(CULVERT_CA=other)
        self.assertIn(f"shows a certificate that the authority in {other}", words)
        self.assertIn("--ca or CULVERT_CA", words)
        self.assertIn("no authority of this system signed", self.refused(CULVERT_CA=None))

    def test_a_certificate_for_another_name(self):
        service = self.start_service(certificate=certs.wrong_host())
        self.assertIn("for other names", self.refused(CULVERT_SERVER=service.address))

    def test_tokens(self):
        words = self.refused(CULVERT_TOKEN="wrong-token-that-nobody-gave")
        self.assertIn("does not take this token (it is not known): culvert login", words)
        self.assertIn("(it expired)", self.refused(CULVERT_TOKEN="expired-token-of-the-fake"))
        words = self.refused("token", "list", CULVERT_TOKEN="operator-token-of-the-fake")
        self.assertIn("may not do that (it needs a higher role): culvert whoami", words)
        words = self.refused("apply", "-f", self.file(ALL),
                             CULVERT_TOKEN="viewer-token-of-the-fake")
        self.assertIn("may not do that", words)

    def test_bad_settings_are_bad_usage(self):
        for env, part in (({"CULVERT_SERVER": "nowhere"}, "CULVERT_SERVER: "),
                          ({"CULVERT_SERVER": "h:0"}, "HOST:PORT"),
                          ({"CULVERT_CA": "/absent"}, "CULVERT_CA: cannot read /absent"),
                          ({"CULVERT_CA": "/dev/null"}, "no certificate"),
                          ({"CULVERT_TOKEN": "two words"}, "CULVERT_TOKEN: a token is one word"),
                          ({"CULVERT_TOKEN": "env:ABSENT"}, "ABSENT"),
                          ({"CULVERT_TOKEN": None}, "no token"),
                          (NOTHING, "culvert login --server")):
            with self.subTest(env):
                self.assertIn(part, self.fails(2, "whoami", env=env))
        self.assertIn("--timeout", self.fails(2, "whoami", "--timeout", "0s"))


class Login(CliTest):
    def setUp(self):
        super().setUp()
        self.path = self.folder / ".config/culvert/config.yaml"

    def login(self, *more: str, token: str = CliTest.TOKEN) -> str:
        return self.ok("login", "--server", self.service.address, "--ca",
                       certs.authority().ca_file, *more, stdin=token + "\n", env=NOTHING)

    def test_what_login_keeps_is_used_from_then_on(self):
        self.assertIn("as ann2 (admin); kept as context default", self.login())
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.path.parent.stat().st_mode & 0o777, 0o700)
        self.assertIn("ann2 (admin)", self.ok("whoami", env=NOTHING))

    def test_a_token_that_is_not_taken_is_not_kept(self):
        self.fails(1, "login", "--server", self.service.address, "--ca", certs.authority().ca_file,
                   stdin="wrong-token-that-nobody-gave", env=NOTHING)
        self.assertFalse(self.path.exists())

    def test_a_reference_stays_a_reference(self):
        (self.folder / "token").write_text(self.TOKEN)
        self.ok("login", "--server", self.service.address, "--ca", certs.authority().ca_file,
                "--token", f"file:{self.folder}/token", env=NOTHING)
        self.assertNotIn(self.TOKEN, self.path.read_text())
        self.ok("whoami", env=NOTHING)

    def test_contexts(self):
        self.login("--context", "one")
        self.login("--context", "two", token="viewer-token-of-the-fake")
        self.assertIn("ann0", self.ok("whoami", env=NOTHING))
        self.assertIn("ann2", self.ok("whoami", "--context", "one", env=NOTHING))
        self.ok("context", "use", "one")
        self.assertIn("ann2", self.ok("whoami", env=NOTHING))
        self.assertRegex(self.ok("context", "list"), r"\n\* +one +127")
        words = self.fails(2, "whoami", "--context", "three", env=NOTHING)
        self.assertIn('no context "three"; known are one, two', words)
        # The flag wins over variables, which win over the file.
        self.assertIn("ann0", self.ok("whoami", "--context", "two"))
        self.assertIn("ann1", self.ok("whoami", env=NOTHING | {
            "CULVERT_TOKEN": "operator-token-of-the-fake"}))

    def test_a_token_never_goes_to_another_server_than_its_own(self):
        self.login()
        other = self.start_service()
        words = self.fails(2, "whoami", env=NOTHING | {"CULVERT_SERVER": other.address})
        self.assertIn("no token", words)

    def test_a_file_that_everybody_reads_is_refused(self):
        self.login()
        self.path.chmod(0o644)
        self.assertIn(f"chmod 600 {self.path}", self.fails(2, "whoami", env=NOTHING))
        self.ok("whoami")  # flags and variables need no file

    def test_a_broken_file_names_the_line(self):
        self.login()
        self.path.write_text("current: a\ncontext: {}\n")
        self.path.chmod(0o600)
        self.assertIn(f"{self.path}:2: ", self.fails(2, "whoami", env=NOTHING))

    def test_xdg_config_home(self):
        self.ok("login", "--server", self.service.address, "--ca", certs.authority().ca_file,
                stdin=self.TOKEN, env=NOTHING | {"XDG_CONFIG_HOME": str(self.folder / "xdg")})
        self.assertTrue((self.folder / "xdg/culvert/config.yaml").exists())


if __name__ == "__main__":
    unittest.main()
