# A real nginx as the upstream: the framings that servers really send, keep-alive, gzip, large
# bodies both ways. Started by the test on a port that it found free, with a folder and a
# configuration of its own, ended by its pid.
import gzip
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from tests.fakes import certs
from tests.fakes.raw_client import exchange
from tests.integration.http.support import HttpCase, request

PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
TEXT = b"A line of words that compresses well.\n" * 2000
LARGE = os.urandom(1024) * 50 * 1024

CONFIG = """
daemon off; master_process off; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  access_log off; default_type application/octet-stream; types {{ text/plain txt; }}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_timeout 60; keepalive_requests 1000; client_max_body_size 200m;
  add_header X-Connection $connection always;
  add_header X-Requests $connection_requests always;
  ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;
    root {folder}/www;
    location /packed/ {{ alias {folder}/www/; gzip on; gzip_types text/plain; gzip_min_length 1;
                         gzip_proxied any; gzip_http_version 1.0; }}
    location /nothing {{ return 204; }}
    location /moved {{ return 302 /elsewhere; }}
    location /small/ {{ client_max_body_size 1k; dav_methods PUT; }}
    location /store/ {{ dav_methods PUT; create_full_put_path on; }}
  }}
}}
"""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start_nginx(folder: str):
    """The process and its two ports. A port may be taken between finding and using it: then other
    ones."""
    good = certs.server()
    for _ in range(5):
        plain, tls = free_ports(2)
        path = pathlib.Path(folder, "nginx.conf")
        path.write_text(CONFIG.format(folder=folder, plain=plain, tls=tls, cert=good.cert,
                                      key=good.key))
        process = subprocess.Popen([PROGRAM, "-p", folder, "-c", str(path)],
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", tls), timeout=30).close()
                return process, plain, tls
            except ConnectionRefusedError:
                continue
        words = process.stderr.read().decode()
        process.stderr.close()
        if "Address already in use" not in words:
            raise AssertionError(words)
    raise AssertionError("no free port for nginx")


@unittest.skipUnless(PROGRAM, "nginx is not installed")
class Nginx(HttpCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="culvert-nginx-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        os.chmod(cls.folder, 0o755)
        www = pathlib.Path(cls.folder, "www")
        www.mkdir()
        (www / "text.txt").write_bytes(TEXT)
        (www / "large.bin").write_bytes(LARGE)
        (www / "empty.txt").write_bytes(b"")
        cls.process, cls.plain, cls.tls = start_nginx(cls.folder)
        cls.addClassCleanup(cls.stop)

    @classmethod
    def stop(cls):
        cls.process.send_signal(signal.SIGTERM)
        cls.process.wait(60)
        cls.process.stderr.close()

    def setUp(self):
        self.relays = [self.relay(PROXY_RAW_TARGET=url, CULVERT_WORKERS="1") for url in (
            f"http://127.0.0.1:{self.plain}", f"https://localhost:{self.tls}")]

    def each(self, *args, **kwargs):
        """The answer over plain TCP and over TLS, both of which must say the same."""
        answers = [exchange(r.http, request(*args, **kwargs)) for r in self.relays]
        self.assertTrue(all(a.complete for a in answers), answers)
        self.assertEqual(*((a.status, a.framing, a.body) for a in answers))
        return answers[0]

    def test_a_file_with_its_length(self):
        got = self.each("/raw/text.txt")
        self.assertEqual((got.status, got.framing, got.body), (200, "length", TEXT))

    def test_an_empty_file(self):
        self.assertEqual(self.each("/raw/empty.txt").body, b"")

    def test_gzip_is_chunked_and_untouched(self):
        got = self.each("/raw/packed/text.txt", fields="Accept-Encoding: gzip\r\n")
        self.assertEqual((got.framing, got.get("content-encoding")), ("chunked", "gzip"))
        direct = exchange(("127.0.0.1", self.plain), request(
            "/packed/text.txt", fields="Accept-Encoding: gzip\r\n"))
        self.assertEqual(got.body, direct.body)
        self.assertEqual(gzip.decompress(got.body), TEXT)

    def test_nothing_is_packed_where_nobody_asked(self):
        got = self.each("/raw/packed/text.txt")
        self.assertEqual((got.all("content-encoding"), got.body), ([], TEXT))

    def test_head_204_302_304_and_404(self):
        got = self.each("/raw/text.txt", "HEAD")
        self.assertEqual((got.get("content-length"), got.body), (str(len(TEXT)), b""))
        self.assertEqual(self.each("/raw/nothing").status, 204)
        tag = self.each("/raw/text.txt").get("etag")
        self.assertEqual(self.each("/raw/text.txt", fields=f"If-None-Match: {tag}\r\n").status, 304)
        got = self.each("/raw/moved")
        self.assertEqual(got.status, 302, "a redirect is the client's to follow")
        self.assertEqual(self.each("/raw/missing").status, 404)

    def test_a_range(self):
        got = self.each("/raw/text.txt", fields="Range: bytes=2-5\r\n")
        self.assertEqual((got.status, got.body), (206, TEXT[2:6]))

    def test_an_old_client(self):
        got = self.each("/raw/text.txt", version="1.0")
        self.assertEqual(got.body, TEXT)

    def test_large_down(self):
        got = self.each("/raw/large.bin")
        self.assertTrue(got.body == LARGE, "the body differs")

    def test_large_up(self):
        for relay, name in zip(self.relays, ("plain", "tls")):
            got = exchange(relay.http, request(f"/raw/store/{name}.bin", "PUT", body=LARGE))
            self.assertEqual(got.status, 201)
            stored = pathlib.Path(self.folder, "www/store", f"{name}.bin").read_bytes()
            self.assertTrue(stored == LARGE, "the body differs")

    def test_chunked_up(self):
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (TEXT[:7], TEXT[7:])) + (
            b"0\r\n\r\n")
        for relay, name in zip(self.relays, ("plain-c", "tls-c")):
            got = exchange(relay.http, request(
                f"/raw/store/{name}.txt", "PUT", fields="Transfer-Encoding: chunked\r\n") + body)
            self.assertEqual(got.status, 201)
            self.assertEqual(pathlib.Path(self.folder, f"www/store/{name}.txt").read_bytes(), TEXT)

    def test_an_early_413(self):
        for relay in self.relays:
            client = self.client(relay)
            client.send("PUT /raw/small/a HTTP/1.1\r\nHost: r\r\nContent-Length: 9000000\r\n\r\n")
            client.send(b"x" * 2000)
            got = client.read_response()
            self.assertEqual(got.status, 413)
            self.assertEqual(got.all("x-proxy-error"), [])

    def test_connections_are_kept(self):
        for relay in self.relays:
            answers = [exchange(relay.http, request("/raw/text.txt")) for _ in range(10)]
            self.assertEqual(len({a.get("x-connection") for a in answers}), 1)
            self.assertEqual([int(a.get("x-requests")) for a in answers], list(range(1, 11)))


if __name__ == "__main__":
    unittest.main()
