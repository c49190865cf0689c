# What the tests of this folder share: the driver that runs one exchange by a strategy, and real
# servers as children on ports that were found free.
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import unittest

from tests.fakes import certs
from tests.fakes.child import REPOSITORY, base_environment

GUARD = 60.0
DRIVER = os.environ.get("CULVERT_FETCH_DRIVER",
                        str(REPOSITORY / "build/release/tests/fetch-driver"))


def program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


def head(method: str = "POST", target: str = "/v1", **fields) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Events(list):
    """The driver's lines."""

    def of(self, kind: str) -> list[dict]:
        return [line for line in self if line["event"] == kind]

    def one(self, kind: str) -> dict:
        found = self.of(kind)
        assert len(found) == 1, f"{len(found)} of {kind}: {self}"
        return found[0]


def environment(**more) -> dict:
    # A proxy of the environment that is used would fail every test.
    wrong = {name: "http://127.0.0.1:1" for name in
             ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")}
    return {**base_environment(), **wrong, **more}


def drive(request: bytes, port: int, *words: str, tls: bool = True) -> Events:
    trust = ["--ca", certs.authority().ca_file] if tls and "--ca" not in words else []
    command = [DRIVER, "--port", str(port), *trust, *words]
    done = subprocess.run(command, input=request, capture_output=True, timeout=GUARD,
                          env=environment())
    assert done.returncode in (0, 1), f"{done.returncode}: {done.stderr.decode()}"
    return Events(json.loads(line) for line in done.stdout.splitlines())


def driver(request: bytes, port: int, *words: str) -> subprocess.Popen:
    """The same as a running child; its lines are read from stdout as they come."""
    child = subprocess.Popen([DRIVER, "--port", str(port), "--ca", certs.authority().ca_file,
                              *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env=environment())
    child.stdin.write(request)
    child.stdin.close()
    return child


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def start(test: unittest.TestCase, make, tries: int = 5) -> int:
    """Runs the command that make(port) gives until it listens on that port; gives the port."""
    for _ in range(tries):
        port = free_port()
        child = subprocess.Popen(make(port), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + GUARD
        while child.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=GUARD).close()
                test.addCleanup(stop, child)
                return port
            except ConnectionRefusedError:
                continue
        stop(child)
    raise AssertionError("the server does not start")


def stop(child: subprocess.Popen) -> None:
    child.terminate()
    try:
        child.wait(GUARD)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
  log_format seen '$server_protocol|$request_method|$request_uri|$ssl_server_name|$remote_addr';
  access_log {folder}/access.log seen;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  client_max_body_size 200m; keepalive_timeout 60;
  ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    proxy_buffering off; proxy_request_buffering off; proxy_http_version 1.1;
    location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_set_header Host $host; }}
    location /nothing {{ return 204; }}
    location /moved {{ return 302 /elsewhere; }}
    location /large {{ alias {folder}/large; }}
  }}
}}
"""


class Nginx:
    """HTTP/2 before an upstream that the test commands."""

    def __init__(self, test: unittest.TestCase, folder: str, upstream: int):
        good = certs.server()
        pathlib.Path(folder, "large").write_bytes(bytes(64 << 20))
        self.folder = folder

        def make(port: int) -> list[str]:
            path = pathlib.Path(folder, "nginx.conf")
            path.write_text(NGINX.format(folder=folder, port=port, upstream=upstream,
                                         cert=good.cert, key=good.key))
            return [program("nginx"), "-p", folder, "-c", str(path)]

        self.port = start(test, make)

    def seen(self, count: int) -> list[str]:
        """Its log, when it has that many lines."""
        deadline = time.monotonic() + GUARD
        while time.monotonic() < deadline:
            lines = pathlib.Path(self.folder, "access.log").read_text().splitlines()
            if len(lines) >= count:
                return lines
            threading.Event().wait(0.01)
        raise AssertionError(f"hang guard: {lines}")
