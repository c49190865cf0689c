# The relay's own life as its operator sees it: starts that are refused with one line, reloads that
# change all or nothing, certificates that are renewed under running streams, drains, and what a
# service manager passes in and is told.
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

from tests.fakes import certs
from tests.fakes import relay as relay_module
from tests.fakes.child import HANG_GUARD_SECONDS
from tests.fakes.models import Models
from tests.fakes.raw_client import RawClient, exchange
from tests.fakes.relay import Relay, run_once
from tests.fakes.tls_socket import FIN, Ended
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN



class WithModels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = Models()
        cls.addClassCleanup(cls.models.close)

    def setUp(self):
        self.models.reset()

    def relay(self, **env) -> Relay:
        return Relay.for_test(self, {"PROXY_OPENAI_TARGET": self.models.url, **env})

    def running_stream(self, address: str, context=None, event: int = 3) -> RawClient:
        """A stream that stands still after so many events, its head read."""
        self.models.behave(stall={"event": event}, times=1)
        client = self.enterContext(RawClient(address, context))
        client.send(asking.post())
        self.assertEqual(client.read_head().status, 200)
        self.models.wait(stalled_now=1)
        return client

    def read_to_last_chunk(self, client: RawClient) -> bytes:
        body = b""
        while chunk := client.read_chunk():
            body += chunk
        return body


class Drain(WithModels):
    def wait_refused(self, address: str) -> None:
        """Each worker closes its own socket; new connections are refused when all have."""
        host, _, port = address.rpartition(":")
        until = time.monotonic() + HANG_GUARD_SECONDS
        while time.monotonic() < until:
            try:
                socket.create_connection((host, int(port)), HANG_GUARD_SECONDS).close()
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                pass  # it waited in the queue of a socket that was closed
        self.fail("new connections were never refused")

    def test_what_the_kernel_had_accepted_is_served(self):
        relay = self.relay(CULVERT_DRAIN_TIMEOUT="60s", CULVERT_WORKERS="2")
        os.kill(relay.pid, signal.SIGSTOP)
        waiting = [self.enterContext(RawClient(relay.http)) for _ in range(20)]
        for client in waiting:
            client.send(asking.get("/healthz"))
        os.kill(relay.pid, signal.SIGTERM)
        os.kill(relay.pid, signal.SIGCONT)
        for client in waiting:
            self.assertEqual(client.read_response().status, 200)
        self.assertEqual(relay.wait_exit(), 0)

    def test_a_reload_after_a_worker_has_ended(self):
        config = settings.resources(settings.relay(workers=4, drain_timeout="60s"),
                                    settings.upstream("openai", self.models.url))
        relay = Relay.for_test(self, config=config)
        client = self.running_stream(relay.http)
        relay.terminate()
        relay.wait_for_message("draining")
        self.wait_refused(relay.http)
        for number in range(3):
            relay.sighup()
            relay.wait_for_message("reloaded", number + 1)
        self.models.release()
        self.assertTrue(self.read_to_last_chunk(client).endswith(b"data: [DONE]\n\n"))
        self.assertEqual(relay.wait_exit(), 0)

    def test_running_streams_finish_and_nothing_new_begins(self):
        relay = self.relay(CULVERT_DRAIN_TIMEOUT="60s")
        client = self.running_stream(relay.http)
        relay.terminate()
        relay.wait_for_message("draining")
        self.wait_refused(relay.http)
        self.assertEqual(relay.admin_get("/readyz")[0], 503)
        self.assertEqual(relay.admin_get("/healthz")[0], 200)
        self.models.release()
        self.assertTrue(self.read_to_last_chunk(client).endswith(b"data: [DONE]\n\n"))
        self.assertEqual(client.ends(), FIN)
        self.assertEqual(relay.wait_exit(), 0)
        self.assertEqual(relay.access_log[-1]["outcome"], "ok")

    def test_keep_alive_connections_are_told_and_idle_ones_closed(self):
        relay = self.relay(CULVERT_DRAIN_TIMEOUT="60s")
        idle = self.enterContext(RawClient(relay.http))
        idle.send(asking.post())
        self.assertIsNone(idle.read_response("POST").get("connection"))
        self.models.behave(stall="head", times=1)
        busy = self.enterContext(RawClient(relay.http))
        busy.send(asking.post())
        self.models.wait(stalled_now=1)
        relay.terminate()
        self.assertEqual(idle.ends(), FIN)
        self.models.release()
        answer = busy.read_response("POST")
        self.assertEqual((answer.ended, answer.get("connection")), ("complete", "close"))
        self.assertEqual(busy.ends(), FIN)
        self.assertEqual(relay.wait_exit(), 0)

    def test_the_drain_timeout_cuts_what_still_runs(self):
        relay = self.relay(CULVERT_DRAIN_TIMEOUT="300ms")
        client = self.running_stream(relay.http)
        relay.terminate()
        with self.assertRaises(Ended):
            self.read_to_last_chunk(client)
        self.assertEqual(relay.wait_exit(), 0)
        self.assertNotEqual(relay.access_log[-1]["outcome"], "ok")
        relay.wait_for_message("the drain timeout is over; what still runs is cut")

    def test_a_second_signal_ends_at_once(self):
        relay = self.relay(CULVERT_DRAIN_TIMEOUT="10m")
        client = self.running_stream(relay.http)
        relay.terminate()
        relay.wait_for_message("draining")
        relay.terminate()
        with self.assertRaises(Ended):
            self.read_to_last_chunk(client)
        self.assertEqual(relay.wait_exit(), 0)

    def test_with_nothing_running_it_ends_at_once(self):
        relay = self.relay(CULVERT_DRAIN_TIMEOUT="10m")
        relay.terminate()
        self.assertEqual(relay.wait_exit(), 0)

    def test_an_upload_that_runs_is_finished(self):
        relay = self.relay(CULVERT_DRAIN_TIMEOUT="60s")
        request = asking.post(body=asking.chat("u" * 50_000, stream=False))
        client = self.enterContext(RawClient(relay.http))
        client.send(request[:30_000])
        self.models.wait(started=1)
        relay.terminate()
        relay.wait_for_message("draining")
        client.send(request[30_000:])
        self.assertTrue(client.read_response("POST").complete)
        self.assertEqual(relay.wait_exit(), 0)


class Reload(WithModels):
    def config(self, *more: str, **spec) -> str:
        return settings.resources(settings.relay(workers=2, **spec), settings.upstream(
            "openai", self.models.url), *more)

    def test_a_bad_file_keeps_the_old_configuration(self):
        relay = Relay.for_test(self, config=self.config())
        client = self.running_stream(relay.http)
        bad = {"an unknown field": (self.config() + "---\nkind: Route\nname: r\nspec:\n"
                                    "  mach: {path_prefix: /x}\n", "mach"),
               "not YAML": (self.config() + "---\nkind: [\n", ""),
               "a reference to nothing": (self.config(settings.route(
                   "r", "nowhere", match={"path_prefix": "/x"})), "nowhere"),
               "an unknown kind": (self.config() + "---\nkind: Rout\nname: r\n", "Rout"),
               "a missing secret": (self.config(settings.pool("openai", ["env:NOT_THERE"]),
                                                auth_tokens=[TOKEN]), "NOT_THERE")}
        for number, (what, (text, word)) in enumerate(bad.items(), 1):
            with self.subTest(what=what):
                relay.write_config(text)
                relay.sighup()
                line = relay.wait_for_message("reload refused, the old configuration stays",
                                              number)[-1]
                self.assertRegex(line["error"], re.escape(relay.config_file) + r":\d+")
                self.assertIn(word, line["error"])
                self.assertEqual(exchange(relay.http, asking.post()).status, 200)
        self.assertEqual(relay.metrics().sum("culvert_reloads_total", result="refused"), len(bad))
        self.models.release()
        self.assertTrue(self.read_to_last_chunk(client).endswith(b"data: [DONE]\n\n"))

    def test_new_routes_live_and_running_streams_are_untouched(self):
        relay = Relay.for_test(self, config=self.config())
        client = self.running_stream(relay.http)
        self.assertEqual(exchange(relay.http, asking.get("/fresh/v1/models")).status, 404)
        relay.write_config(self.config(settings.route(
            "fresh", "openai", match={"path_prefix": "/fresh"}, rewrite_prefix="")))
        relay.sighup()
        relay.wait_for_message("reloaded")
        relay.wait_for_metric(lambda _: exchange(
            relay.http, asking.get("/fresh/v1/models")).status == 200)
        relay.write_config(self.config())
        relay.sighup()
        relay.wait_for_message("reloaded", 2)
        relay.wait_for_metric(lambda _: exchange(
            relay.http, asking.get("/fresh/v1/models")).status == 404)
        self.models.release()
        self.assertTrue(self.read_to_last_chunk(client).endswith(b"data: [DONE]\n\n"))

    def test_tokens_change_with_a_reload(self):
        def config(token: str) -> str:
            return settings.resources(settings.relay(auth_tokens=[token], preset_auth=True),
                                      settings.upstream("openai", self.models.url))
        new = "another-token-0123456789"
        relay = Relay.for_test(self, config=config(TOKEN))
        self.assertEqual(self.with_token(relay, TOKEN), 200)
        self.assertEqual(self.with_token(relay, new), 401)
        relay.write_config(config(new))
        relay.sighup()
        relay.wait_for_message("reloaded")
        relay.wait_for_metric(lambda _: self.with_token(relay, TOKEN) == 401)
        self.assertEqual(self.with_token(relay, new), 200)

    def test_connection_limits_change_with_a_reload(self):
        relay = Relay.for_test(self, config=self.config(limits={"connections_per_address": 100}))
        held = self.enterContext(RawClient(relay.http))
        self.assertEqual(held.send(asking.get("/healthz")).read_response().status, 200)
        relay.write_config(self.config(limits={"connections_per_address": 1}))
        relay.sighup()
        relay.wait_for_message("reloaded")
        with RawClient(relay.http) as refused:
            self.assertEqual(refused.ends(), FIN)
        self.assertEqual(held.send(asking.get("/healthz")).read_response().status, 200)
        relay.write_config(self.config(limits={"connections_per_address": 2}))
        relay.sighup()
        relay.wait_for_message("reloaded", 2)
        self.assertEqual(exchange(relay.http, asking.get("/healthz")).status, 200)

    def test_what_needs_a_restart_is_told(self):
        told = ("listeners, workers, usage and limits.handshakes change only with a restart; the "
                "rest was reloaded")
        relay = Relay.for_test(self, config=self.config(limits={"handshakes": 1}))
        relay.write_config(self.config(limits={"handshakes": 2}))
        relay.sighup()
        relay.wait_for_message("reloaded")
        relay.wait_for_message(told)

    def with_token(self, relay: Relay, token: str) -> int:
        return exchange(relay.http, asking.post(
            fields=f"X-Culvert-Token: {token}\r\n")).status

    def test_a_hundred_reloads_under_load_fail_no_request(self):
        relay = Relay.for_test(self, config=self.config())
        stop, results = threading.Event(), []

        def load(keep_alive: bool) -> None:
            client = None
            while not stop.is_set():
                try:
                    client = client or RawClient(relay.http)
                    client.send(asking.post())
                    answer = client.read_response("POST")
                    results.append((answer.status, answer.ended,
                                    answer.body.endswith(b"data: [DONE]\n\n")))
                except (OSError, Ended) as error:
                    results.append(error)
                    client = None
                if client and not keep_alive:
                    client.close()
                    client = None
            if client:
                client.close()

        loads = [threading.Thread(target=load, args=(n % 2 == 0,)) for n in range(4)]
        for thread in loads:
            thread.start()
        try:
            for number in range(1, 101):
                route = settings.route(f"r{number}", "openai",
                                       match={"path_prefix": f"/r{number}"}, rewrite_prefix="")
                relay.write_config(self.config(route))
                relay.sighup()
                relay.wait_for_message("reloaded", number)
        finally:
            stop.set()
            for thread in loads:
                thread.join(HANG_GUARD_SECONDS)
        failed = [r for r in results if r != (200, "complete", True)]
        print(f"\n  100 reloads, {len(results)} requests meanwhile, {len(failed)} failed",
              flush=True)
        self.assertEqual(failed, [])
        self.assertGreater(len(results), 50)
        self.assertEqual(relay.metrics().sum("culvert_reloads_total", result="accepted"), 100)

    def test_without_a_file_the_environment_is_read_again(self):
        relay = self.relay()
        relay.sighup()
        relay.wait_for_message("reloaded")
        self.assertEqual(exchange(relay.http, asking.post()).status, 200)


class Certificates(WithModels):
    """Renewed as certbot does it: files replaced, no signal."""

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="culvert-renewal-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.cert = os.path.join(self.folder, "cert.pem")
        self.key = os.path.join(self.folder, "key.pem")
        self.first = certs.authority().issue("localhost")
        self.second = certs.authority().issue("localhost", kind="rsa")
        self.install(self.first)
        self.context = certs.authority().client_context()

    def install(self, certificate: certs.Certificate) -> None:
        for source, target in ((certificate.cert, self.cert), (certificate.key, self.key)):
            shutil.copy(source, target + ".new")
            os.replace(target + ".new", target)

    def tls_relay(self) -> Relay:
        return self.relay(CULVERT_LISTEN="https://127.0.0.1:0", CULVERT_TLS_CERT=self.cert,
                          CULVERT_TLS_KEY=self.key)

    def served(self, relay: Relay) -> bytes:
        with RawClient(relay.https, self.context) as client:
            return client.tls.getpeercert(binary_form=True)

    @staticmethod
    def der(certificate: certs.Certificate) -> bytes:
        return ssl.PEM_cert_to_DER_cert(pathlib.Path(certificate.cert).read_text())

    def test_replaced_files_are_noticed_without_dropping_a_stream(self):
        relay = self.tls_relay()
        self.assertEqual(self.served(relay), self.der(self.first))
        client = self.running_stream(relay.https, self.context)
        self.install(self.second)
        relay.wait_for_message("certificates reloaded")
        relay.wait_for_metric(lambda _: self.served(relay) == self.der(self.second))
        self.models.release()
        self.assertTrue(self.read_to_last_chunk(client).endswith(b"data: [DONE]\n\n"))
        client.send(asking.post())  # and the old connection lives on
        self.assertTrue(client.read_response("POST").complete)

    def test_sighup_reads_them_too(self):
        relay = self.tls_relay()
        self.install(self.second)
        relay.sighup()
        relay.wait_for_message("reloaded")
        relay.wait_for_metric(lambda _: self.served(relay) == self.der(self.second))

    def test_bad_files_keep_the_old_certificate(self):
        relay = self.tls_relay()
        pathlib.Path(self.cert).write_text("no certificate\n")
        relay.wait_for_message("changed certificates are not usable, the old ones stay")
        self.assertEqual(self.served(relay), self.der(self.first))
        relay.sighup()
        relay.wait_for_message("reload refused, the old configuration stays")
        self.assertEqual(self.served(relay), self.der(self.first))
        self.install(self.second)
        relay.wait_for_message("certificates reloaded")
        relay.wait_for_metric(lambda _: self.served(relay) == self.der(self.second))

    def test_a_key_of_another_certificate_is_refused(self):
        relay = self.tls_relay()
        other = certs.authority().issue("localhost", own_key=True)
        shutil.copy(other.key, self.key)
        relay.wait_for_message("changed certificates are not usable, the old ones stay")
        self.assertEqual(self.served(relay), self.der(self.first))


class Start(unittest.TestCase):
    """What stops a start: one line that says where, what is wrong and what is allowed."""

    def refused(self, *arguments: str, env: dict | None = None, code: int = 2) -> str:
        done = run_once(*arguments, env={"CULVERT_LISTEN": "http://127.0.0.1:0",
                                         "CULVERT_ADMIN_LISTEN": "127.0.0.1:0", **(env or {})})
        self.assertEqual(done.returncode, code, done)
        self.assertEqual(done.stdout, "")
        lines = [line for line in done.stderr.splitlines() if not line.startswith('{"time":')]
        self.assertEqual(len(lines), 1, done.stderr)  # beside the log's
        return lines[0]

    def file(self, text: str) -> str:
        folder = tempfile.mkdtemp(prefix="culvert-check-")
        self.addCleanup(shutil.rmtree, folder)
        path = pathlib.Path(folder, "relay.yaml")
        path.write_text(text)
        return str(path)

    def test_help_and_version(self):
        done = run_once("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for word in ("--config", "--check", "--version"):
            self.assertIn(word, done.stdout)
        done = run_once("--version")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^culvert-relay \d+\.\d+\.\d+\n$")

    def test_bad_flags(self):
        for arguments in (["--no-such-flag"], ["--config"], ["--check=perhaps"], ["extra"]):
            with self.subTest(arguments=arguments):
                done = run_once(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertNotEqual(done.stderr, "")

    def test_check_accepts_a_good_file(self):
        path = self.file(settings.resources(
            settings.relay(auth_tokens=[TOKEN]),
            settings.upstream("own", "https://api.example.com/base"),
            settings.pool("own", ["sk-one-0123456789abcdef"]),
            settings.route("r", "own", match={"path_prefix": "/x"})))
        done = run_once("--check", "--config", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)

    def test_check_refuses_a_bad_file_with_its_line(self):
        bad = ("kind: Upstream\nname: own\nspec:\n  targets:\n    - url: https://a.example\n"
               "      wieght: 3\n")
        for arguments in (["--check", "--config"], ["--config"]):
            path = self.file(bad)
            line = self.refused(*arguments, path)
            self.assertIn(f"{path}:6:", line)
            self.assertIn("wieght", line)
            self.assertIn("weight", line.replace("wieght", ""))  # what is allowed

    def test_check_of_every_kind_of_mistake_names_the_line(self):
        first = "kind: Upstream\nname: own\nspec:\n  targets: [{url: https://a.example}]\n"
        mistakes = {
            "a duration": (first + "  timeouts:\n    idle: soon\n", 6),
            "a number": (first + "  targets:\n  - url: https://a.example\n    weight: -1\n", 5),
            "an enumerator": (first + "  dialect: opanai\n", 5),
            "a URL": ("kind: Upstream\nname: own\nspec:\n  targets: [{url: 'ftp://a'}]\n", 4),
            "a type": ("kind: Upstream\nname: own\nspec:\n  targets: 7\n", 4),
            "a reference": (first + "---\nkind: Route\nname: r\nspec:\n  to:\n"
                            "    - upstream: onw\n", 10),
            "a duplicate": (first + "---\n" + first, 6),
            "no name": ("kind: Upstream\nspec: {}\n", 1),
            "a tab": ("kind: Upstream\nname: own\nspec:\n\ttargets: []\n", 4)}
        for what, (text, number) in mistakes.items():
            with self.subTest(what=what):
                path = self.file(text)
                line = self.refused("--check", "--config", path)
                self.assertRegex(line, re.escape(path) + r":\d+")
                if what not in ("a duplicate", "no name", "a number"):
                    self.assertIn(f"{path}:{number}", line)

    def test_a_file_that_is_not_there(self):
        line = self.refused("--config", "/nonexistent/relay.yaml")
        self.assertIn("/nonexistent/relay.yaml", line)

    def test_bad_variables_are_named(self):
        bad = {"CULVERT_LISTEN": ("ftp://127.0.0.1:1", "http://", "http://127.0.0.1:99999",
                                  "127.0.0.1:80", ","),
               "CULVERT_ADMIN_LISTEN": ("nowhere", "127.0.0.1:port"),
               "CULVERT_WORKERS": ("lots", "-1", "1.5", "100000"),
               "PRESET_AUTH_ENABLED": ("maybe", "2"), "DEBUG_MODE": ("verbose",),
               "GEMINI_SPECIAL_HANDLING_ENABLED": ("si",), "AGGRESSIVE_FALLBACK": ("5",),
               "CULVERT_TIMEOUT_CONNECT": ("soon", "-1s", "10"),
               "CULVERT_TIMEOUT_TLS": ("10 parsecs",), "CULVERT_TIMEOUT_FIRST_BYTE": ("1y",),
               "CULVERT_TIMEOUT_IDLE": ("forever",), "CULVERT_TIMEOUT_REQUEST_HEAD": ("x",),
               "CULVERT_DRAIN_TIMEOUT": ("never",), "PROXY_OWN_TARGET": ("api.example.com",
                                                                         "https://", "ftp://a"),
               "CULVERT_GENERIC_ALLOW": ("10.0.0.0/99",), "SSL_CERT_FILE": ("/nonexistent.pem",)}
        for name, values in bad.items():
            for value in values:
                with self.subTest(variable=name, value=value):
                    line = self.refused(env={name: value})
                    self.assertIn(name, line)

    def test_weak_tokens_refuse_to_start(self):
        for token in ("short", "fifteen-chars-x", "changeme", "your-secret-token-here",
                      "0000000000000000", f"{TOKEN},short"):
            with self.subTest(token=token):
                line = self.refused(env={"AUTH_TOKEN": token})
                self.assertIn("AUTH_TOKEN", line)
                self.assertNotIn(token, line)

    def test_keys_without_a_token_refuse_to_start(self):
        for env in ({"OPENAI_API_KEYS": "sk-0123456789abcdef01"},
                    {"PRESET_AUTH_ENABLED": "true"},
                    {"OPENAI_API_KEYS": "sk-0123456789abcdef01", "AUTH_TOKEN": ""}):
            with self.subTest(env=env):
                self.assertIn("AUTH_TOKEN", self.refused(env=env))

    def test_tls_without_a_usable_certificate(self):
        server = certs.server()
        listen = {"CULVERT_LISTEN": "https://127.0.0.1:0"}
        for env in ({}, {"CULVERT_TLS_CERT": server.cert},
                    {"CULVERT_TLS_CERT": "/nonexistent.pem", "CULVERT_TLS_KEY": server.key},
                    {"CULVERT_TLS_CERT": server.cert, "CULVERT_TLS_KEY": certs.server("rsa").key}):
            with self.subTest(env=env):
                self.assertRegex(self.refused(env=listen | env), r"CULVERT_TLS|\.pem:")

    def test_unreadable_certificates_name_their_place(self):
        garbage = self.file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        bundle = settings.relay(ca_file=garbage)
        own = settings.upstream("own", "https://api.example.com", tls={"ca_file": garbage})
        for text, line_number in ((bundle, 4), (own, 5)):
            with self.subTest(text=text):
                path = self.file(text)
                line = self.refused("--check", "--config", path)
                self.assertIn(f"{path}:{line_number}: ", line)
        line = self.refused(env={"SSL_CERT_FILE": garbage})
        self.assertIn(f"SSL_CERT_FILE: {garbage}: ", line)
        pair = {"cert": certs.server().cert, "key": certs.server("rsa").key}
        path = self.file(settings.relay(listen=["https://127.0.0.1:0"], certificates=[pair]))
        self.assertIn(f"{path}:5: {pair['cert']}: ", self.refused("--check", "--config", path))
        line = self.refused(env={"CULVERT_LISTEN": "https://127.0.0.1:0",
                                 "CULVERT_TLS_CERT": pair["cert"],
                                 "CULVERT_TLS_KEY": pair["key"]})
        self.assertIn(f"CULVERT_TLS_CERT: {pair['cert']}: ", line)

    def test_a_second_relay_on_the_same_ports_is_refused(self):
        """The workers' sockets share their ports; the admin listener tells."""
        relay = Relay.for_test(self)
        line = self.refused(env={"CULVERT_LISTEN": f"http://{relay.http}",
                                 "CULVERT_ADMIN_LISTEN": relay.admin}, code=1)
        self.assertIn(relay.admin, line)
        self.assertEqual(exchange(relay.http, asking.get("/healthz", key=None)).status, 200)

    def test_a_port_in_use_is_a_failure_and_no_bad_usage(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for env in ({"CULVERT_LISTEN": f"http://127.0.0.1:{port}"},
                        {"CULVERT_ADMIN_LISTEN": f"127.0.0.1:{port}"}):
                with self.subTest(env=env):
                    self.assertIn(str(port), self.refused(env=env, code=1))


class Listeners(WithModels):
    def test_several_of_both_families_and_schemes(self):
        server = certs.server()
        relay = self.relay(CULVERT_LISTEN="http://127.0.0.1:0,http://[::1]:0,https://127.0.0.1:0,"
                           "https://[::1]:0", CULVERT_TLS_CERT=server.cert,
                           CULVERT_TLS_KEY=server.key)
        context = certs.authority().client_context()
        addresses = relay.addresses("http") + relay.addresses("https")
        self.assertEqual([a.startswith("[::1]:") for a in addresses], [False, True] * 2)
        self.assertEqual(len({a.rpartition(":")[2] for a in addresses} - {"0"}), 4)
        for address in addresses:
            with self.subTest(address=address):
                tls = context if address in relay.addresses("https") else None
                answer = exchange(address, asking.post(), tls)
                self.assertEqual((answer.status, answer.ended), (200, "complete"))
        told = relay.wait_for_message("listening", 5)
        self.assertEqual([line["scheme"] for line in told],
                         ["http", "http", "https", "https", "admin"])

    def test_workers_share_a_port(self):
        relay = self.relay(CULVERT_WORKERS="4")
        clients = [self.enterContext(RawClient(relay.http)) for _ in range(64)]
        for client in clients:
            client.send(asking.post(body=asking.chat(stream=False)))
        for client in clients:
            self.assertEqual(client.read_response("POST").status, 200)
        self.assertEqual(relay.metrics().sum("culvert_client_connections"), 64)

    def test_alive_and_ready(self):
        relay = self.relay()
        for path in ("/healthz", "/readyz"):
            self.assertEqual(relay.admin_get(path)[0], 200)
            self.assertEqual(exchange(relay.http, asking.get(path, key=None)).status, 200)
        self.assertEqual(relay.admin_get("/elsewhere")[0], 404)
        self.assertEqual(exchange(relay.http, asking.get("/metrics", key=None)).status, 404)


class Manager(WithModels):
    """A service manager: sockets passed in (sd_listen_fds), states told (sd_notify)."""

    def wrapper(self, python: str) -> str:
        """A program that prepares and then becomes the relay."""
        folder = tempfile.mkdtemp(prefix="culvert-wrapper-")
        self.addCleanup(shutil.rmtree, folder)
        path = pathlib.Path(folder, "wrapper.py")
        path.write_text(f"#!{sys.executable}\nimport os, socket, sys\n{python}\n"
                        f"os.execv({relay_module.binary()!r}, "
                        f"[{relay_module.binary()!r}, *sys.argv[1:]])\n")
        path.chmod(0o755)
        return str(path)

    def test_socket_activation(self):
        """Its sockets do not share their port: a relay that opened its own could not start."""
        program = self.wrapper(
            "urls = []\n"
            "kept = [socket.create_server((h, 0), family=f) for h, f in "
            "(('127.0.0.1', socket.AF_INET), ('::1', socket.AF_INET6))]\n"
            "moved = [os.dup(s.fileno()) for s in kept]\n"
            "moved = [os.dup2(fd, 100 + n) for n, fd in enumerate(moved)]\n"
            "urls = ['http://%s:%d' % ('[::1]' if s.family == socket.AF_INET6 else '127.0.0.1', "
            "s.getsockname()[1]) for s in kept]\n"
            "for n, fd in enumerate(moved): os.dup2(fd, 3 + n, inheritable=True)\n"
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2', "
            "CULVERT_LISTEN=','.join(urls))")
        with mock.patch.dict(os.environ, {"CULVERT_RELAY": program}):
            relay = self.relay(CULVERT_WORKERS="2")
        for address in relay.addresses("http"):
            for _ in range(10):
                self.assertEqual(exchange(address, asking.post()).status, 200)
        self.assertEqual(len(relay.addresses("http")), 2)

    def test_an_address_that_is_not_configured_is_told(self):
        program = self.wrapper(
            "kept = socket.create_server(('127.0.0.1', 0))\n"
            "os.dup2(os.dup(kept.fileno()), 3, inheritable=True)\n"
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')")
        with mock.patch.dict(os.environ, {"CULVERT_RELAY": program}):
            relay = self.relay()
        told = [line for line in relay.log if "passed is not used" in line.get("msg", "")]
        self.assertRegex(told[0]["address"], r"^127\.0\.0\.1:\d+$")
        self.assertEqual(len(told), 1)

    def test_sockets_for_another_process_are_left_alone(self):
        program = self.wrapper("os.environ.update(LISTEN_PID='1', LISTEN_FDS='3')")
        with mock.patch.dict(os.environ, {"CULVERT_RELAY": program}):
            relay = self.relay()
        self.assertEqual(exchange(relay.http, asking.post()).status, 200)

    def notify(self, path: str) -> tuple[socket.socket, str]:
        listener = self.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        listener.settimeout(HANG_GUARD_SECONDS)
        listener.bind("\0" + path[1:] if path.startswith("@") else path)
        return listener

    def test_states_are_told(self):
        folder = tempfile.mkdtemp(prefix="culvert-notify-")
        self.addCleanup(shutil.rmtree, folder)
        for path in (os.path.join(folder, "socket"), f"@culvert-test-{os.getpid()}"):
            with self.subTest(path=path):
                manager = self.notify(path)
                relay = self.relay(NOTIFY_SOCKET=path)
                self.assertIn("READY=1", manager.recv(4096).decode().splitlines())
                relay.sighup()
                told = manager.recv(4096).decode().splitlines()
                self.assertIn("RELOADING=1", told)
                self.assertRegex("\n".join(told), r"(?m)^MONOTONIC_USEC=\d+$")
                self.assertIn("READY=1", manager.recv(4096).decode().splitlines())
                relay.terminate()
                self.assertIn("STOPPING=1", manager.recv(4096).decode().splitlines())
                self.assertEqual(relay.wait_exit(), 0)


if __name__ == "__main__":
    unittest.main()
