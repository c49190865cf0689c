# What the tests of this folder share: relays with tunnels, destinations that do what a test says,
# and real servers (nginx, HAProxy, openssl) as children on ports that were found free.
import json
import pathlib
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import unittest

from tests.fakes import certs
from tests.fakes.child import HANG_GUARD_SECONDS
from tests.fakes.relay import Relay
from tests.fakes.tls_socket import RESET, Ended, TlsSocket, receive
from tests.integration.fetch.support import program, start

LISTEN = {"CULVERT_LISTEN": "http://127.0.0.1:0,tls://127.0.0.1:0"}


def tunnel(name: str, **spec) -> str:
    """A document; JSON is YAML too."""
    return json.dumps({"kind": "Tunnel", "name": name, "spec": spec})


def connect(address: str, source: str | None = None) -> socket.socket:
    host, _, port = address.rpartition(":")
    made = socket.create_connection((host.strip("[]"), int(port)), timeout=HANG_GUARD_SECONDS,
                                    source_address=(source, 0) if source else None)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def read_exactly(link, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += receive(link, min(count - len(data), 1 << 16))
    return data


def read_to_end(link) -> tuple[bytes, str]:
    """All that comes, and how it ended."""
    data = bytearray()  # grows in place: a kernel may hold 40 MiB of one connection
    while True:
        try:
            data += receive(link)
        except Ended as end:
            return bytes(data), end.how


def told(address: str, said: bytes = b"", source: str | None = None) -> tuple[bytes, str]:
    """All that comes to who connects and says so, and how it ends. Who refuses at once may have
    reset the connection before connect() has returned."""
    try:
        link = connect(address, source)
    except ConnectionResetError:
        return b"", RESET
    with link:
        try:
            link.sendall(said)
        except OSError:
            pass
        return read_to_end(link)


def reset(link: socket.socket) -> None:
    """Closes with RST."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def rss_kib(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


HTTPS_SITE = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log; default_type application/octet-stream;
  types {{ text/html html; application/json json; }}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  ssl_certificate {cert}; ssl_certificate_key {key};
  server {{
    listen 127.0.0.1:{port} ssl; root {folder}/www;
    location /package {{ default_type application/json; }}
  }}
}}
"""


def https_site(test: unittest.TestCase, folder: str, certificate: certs.Certificate) -> int:
    """The port of a real nginx that serves what is in the folder's `www` over TLS."""
    if not program("nginx"):
        test.skipTest("nginx is not installed")
    pathlib.Path(folder, "www").mkdir(exist_ok=True)

    def make(port: int) -> list[str]:
        path = pathlib.Path(folder, "nginx.conf")
        path.write_text(HTTPS_SITE.format(folder=folder, port=port, cert=certificate.cert,
                                          key=certificate.key))
        return [program("nginx"), "-p", folder, "-c", str(path)]

    return start(test, make)


class Destination:
    """Listens; `serve(link)` runs in a thread of its own for each connection, which is closed
    behind it. Default: an echo that keeps half-closes: it ends when its peer has ended."""

    def __init__(self, test: unittest.TestCase, serve=None, tls: ssl.SSLContext | None = None):
        self.serve = serve or echo
        self.tls = tls
        self.server = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.server.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.failures: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()
        test.addCleanup(self.close)

    def close(self) -> None:
        self.server.close()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(link,), daemon=True).start()

    def _run(self, plain: socket.socket) -> None:
        with plain:
            plain.settimeout(HANG_GUARD_SECONDS)
            try:
                link = TlsSocket(plain, self.tls, server=True) if self.tls else plain
                self.serve(link)
            except (OSError, Ended, ssl.SSLError) as error:
                self.failures.append(repr(error))


def echo(link) -> None:
    while True:
        try:
            link.sendall(receive(link))
        except Ended as end:
            if end.how == RESET:
                raise
            if isinstance(link, TlsSocket):
                link.close_notify()
            return


class TunnelCase(unittest.TestCase):
    def relay(self, *documents: str, **env) -> Relay:
        return Relay.for_test(self, config="\n---\n".join(documents) + "\n", env=LISTEN | env)

    def folder(self) -> str:
        made = tempfile.TemporaryDirectory(prefix="culvert-tunnels-")
        self.addCleanup(made.cleanup)
        return made.name

    def nginx_stream(self, stream: str, **names) -> int:
        """The port of a real nginx whose `stream { … }` holds the text; {port} is that port."""
        folder = self.folder()
        module = next((str(path) for path in pathlib.Path("/usr/lib/nginx/modules").glob(
            "ngx_stream_module.so")), None)
        if not program("nginx") or not module:
            self.skipTest("nginx has no stream module here")

        def make(port: int) -> list[str]:
            path = pathlib.Path(folder, "nginx.conf")
            body = stream.format(port=port, folder=folder, **names)
            path.write_text(f"load_module {module};\ndaemon off; master_process off; "
                            f"pid {folder}/pid; error_log {folder}/error.log info;\n"
                            "events { worker_connections 4096; }\nstream {\n" + body + "\n}\n")
            return [program("nginx"), "-p", folder, "-c", str(path)]

        return start(self, make)

    def haproxy(self, proxies: str, **names) -> int:
        """The port of a real HAProxy; {port} in the text is that port."""
        folder = self.folder()
        if not program("haproxy"):
            self.skipTest("HAProxy is not installed")

        def make(port: int) -> list[str]:
            path = pathlib.Path(folder, "haproxy.cfg")
            path.write_text("defaults\n  mode tcp\n  timeout connect 30s\n  timeout client 60s\n"
                            "  timeout server 60s\n" + proxies.format(port=port, **names) + "\n")
            return [program("haproxy"), "-db", "-f", str(path)]

        return start(self, make)

    def openssl_server(self, *words: str, kind: str = "ecdsa") -> int:
        """`openssl s_server` that answers GET with a page about the handshake, or as told."""
        good = certs.authority().issue("localhost", "a.example", "b.example", "127.0.0.1",
                                       kind=kind)
        words = words or ("-www",)
        return start(self, lambda port: [
            program("openssl"), "s_server", "-accept", str(port), "-cert", good.cert, "-key",
            good.key, "-naccept", "1000000", "-quiet", *words])


def s_client(address: str, *words: str, text: bytes = b"GET / HTTP/1.0\r\n\r\n") -> bytes:
    """What a real `openssl s_client` gets and says; it verifies as tests' authorities say."""
    done = subprocess.run(
        [program("openssl"), "s_client", "-connect", address, "-CAfile",
         certs.authority().ca_file, "-verify_return_error", "-ign_eof", *words],
        input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=HANG_GUARD_SECONDS)
    return done.stdout


def hello_of(name: str | None, alpn=()) -> bytes:
    """A ClientHello as OpenSSL makes it, and no byte more."""
    context = certs.authority().client_context(verify=False, alpn=alpn)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    maker = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        maker.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()
