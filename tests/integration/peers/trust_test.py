# Who may go through a relay: those of its fleet, as long as they are of it, and nobody else.
import socket
import ssl
import subprocess
import unittest

from tests.fakes import certs
from tests.fakes.child import HANG_GUARD_SECONDS
from tests.integration.fleet.support import ask
from tests.integration.peers.http_test import CHAT, house
from tests.integration.peers.support import PeerCase


class Trust(PeerCase):
    def peer_context(self, relay, name: str | None = None) -> ssl.SSLContext:
        """As another relay of the fleet would speak: with the identity of that one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(self.control.ca)
        if name is not None:
            folder = f"{relay.env['CULVERT_STATE_DIR']}/identity"
            context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        return context

    def say(self, far, context: ssl.SSLContext, text: str, server_name: str = "far") -> bytes:
        """All that it answers, until it ends or there is a whole head."""
        host, _, port = far.addresses("peer")[0].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=HANG_GUARD_SECONDS) as raw:
            with context.wrap_socket(raw, server_hostname=server_name) as link:
                link.sendall(text.encode())
                heard = b""
                try:
                    while b"\r\n\r\n" not in heard:
                        got = link.recv(4096)
                        if not got:
                            break
                        heard += got
                except (ssl.SSLError, ConnectionError):
                    pass
                return heard

    CHECK = "OPTIONS * HTTP/1.1\r\nHost: culvert\r\n\r\n"

    def test_a_relay_of_the_fleet_is_answered(self):
        near, far = self.near(), self.far()
        self.settle(near, far)
        heard = self.say(far, self.peer_context(near, "near"), self.CHECK)
        self.assertTrue(heard.startswith(b"HTTP/1.1 204 "), heard)
        self.assertIn(b"Culvert-State: serving", heard)

    def test_the_certificate_names_the_relay(self):
        near, far = self.near(), self.far()
        self.settle(near, far)
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.say(far, self.peer_context(near, "near"), self.CHECK, server_name="other")

    def test_without_a_certificate_nobody_is_answered(self):
        near, far = self.near(), self.far()
        self.settle(near, far)
        self.assertEqual(self.say(far, self.peer_context(near), self.CHECK), b"")

    def test_a_certificate_of_another_authority_is_refused(self):
        near, far = self.near(), self.far()
        self.settle(near, far)
        context = self.peer_context(near)
        stranger = certs.stranger().issue("near")
        context.load_cert_chain(stranger.cert, stranger.key)
        self.assertEqual(self.say(far, context, self.CHECK), b"")

    def test_a_relay_that_was_removed_is_refused_at_once(self):
        near, far = self.near(), self.far()
        self.settle(near, far)
        context = self.peer_context(near, "near")
        self.assertTrue(self.say(far, context, self.CHECK))
        near.terminate()
        near.wait_exit()
        self.control.operator("relay", "remove", "near", "--yes")
        self.settle(far)
        self.control.wait_for(lambda: self.say(far, context, self.CHECK), lambda heard: not heard)
        far.wait_for_message("a relay that is not of the fleet was refused")

    def test_a_removed_relay_gets_no_more_over_a_connection_that_it_has(self):
        near, far = self.near(), self.far()
        self.settle(near, far)
        host, _, port = far.addresses("peer")[0].rpartition(":")
        raw = socket.create_connection((host, int(port)), timeout=HANG_GUARD_SECONDS)
        with self.peer_context(near, "near").wrap_socket(raw, server_hostname="far") as link:
            link.sendall(self.CHECK.encode())
            self.assertTrue(link.recv(4096).startswith(b"HTTP/1.1 204 "))
            self.control.operator("relay", "remove", "near", "--yes")
            near.crash()
            near.expect_exit = None
            far.wait_for_message("the control service's configuration changed", removes=1)
            link.sendall(self.CHECK.encode())
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                if not link.recv(4096):
                    raise ConnectionResetError
        far.wait_for_message("a relay that is not of the fleet was refused")

    def test_a_connection_that_came_through_here_is_a_loop(self):
        near, far = self.near(), self.far()
        self.settle(near, far)
        heard = self.say(
            far, self.peer_context(near, "near"),
            "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n"
            "Culvert-Path: near, far, near\r\nCulvert-Resolve-Ms: 1000\r\n"
            "Culvert-Connect-Ms: 1000\r\nCulvert-Tls-Ms: 1000\r\n\r\n")
        self.assertTrue(heard.startswith(b"HTTP/1.1 508 "), heard)

    def test_bad_requests_are_told_what_is_wrong(self):
        near, far = self.near(), self.far()
        self.settle(near, far)
        context = self.peer_context(near, "near")
        for text, status in (
                ("CONNECT api.example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
                ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"501"),
                ("CONNECT api.example.com HTTP/1.1\r\nHost: a\r\n\r\n", b"400")):
            heard = self.say(far, context, text)
            self.assertEqual(heard[9:12], status, heard)

    def test_a_listener_that_faces_no_relay_speaks_tls_alone(self):
        near, far = self.near(), self.far()
        self.settle(near, far)
        done = subprocess.run(["curl", "-s", "-m", "20", f"http://{far.addresses('peer')[0]}/"],
                              capture_output=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, b"")

    def test_a_restart_without_the_service_still_knows_the_others(self):
        token = self.client_token()
        near, far = self.near(), self.far()
        self.control.apply(house(self.models.url, "via:us-east"))
        self.wait_until_served([near], CHAT, token)
        self.control.crash()
        near.crash()
        near.start()
        self.assertEqual(ask(near, CHAT, token)[0], 200)
        self.control.start()


if __name__ == "__main__":
    unittest.main()
