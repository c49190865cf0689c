# HAProxy of Debian as an expert would set it up for this work: one thread, connections to the
# upstream shared and resumed, no delay for small pieces, the same allow-list of headers as the
# relay's in one regular expression, which costs it less than a rule per header.
import pathlib

from tests.bench import process, traffic
from tests.bench.peers.setup import CONNECTIONS, NAME, SUITES, Running, Setup, header_names

# HAProxy writes framing and Host itself, and needs to see them until then.
NEEDED = ("host", "content-length", "transfer-encoding", "connection", "upgrade",
          "accept-encoding", "authorization")

LOG = ('\'{"time":"%[date,utime(%Y-%m-%dT%H:%M:%SZ)]","id":"%rt","method":"%HM","path":"%HPO",'
       '"status":%ST,"bytes_in":%U,"bytes_out":%B,"upstream":"%si:%sp","connect":%Tc,'
       '"first_byte":%Tr,"total":%Ta}\'')


class Haproxy:
    name = "haproxy"

    def start(self, setup: Setup, folder: pathlib.Path) -> Running:
        folder = folder / self.name
        folder.mkdir(parents=True, exist_ok=True)
        port = process.free_port()
        config = folder / "haproxy.cfg"
        config.write_text(configuration(setup, port, folder))
        command = [process.program("haproxy"), "-db", "-f", str(config)]
        running = Running(port, process.Process(self.name, command, process.PROXY_CORE, folder),
                          folder)
        running.child.wait_for_port(port)
        return running


def configuration(setup: Setup, port: int, folder: pathlib.Path) -> str:
    body = tunnel(setup, port) if setup.tunnel else http(setup, port, folder)
    # As every contestant: a line of JSON per request. A stream of bytes is what needs no daemon.
    log = "log stdout format raw local0" if setup.access_log else ""
    return f"""
global
  nbthread 1
  maxconn {CONNECTIONS}
  {sizes(setup)}
  {log}
  ssl-default-bind-options ssl-min-ver TLSv1.3 prefer-client-ciphers
  ssl-default-server-options ssl-min-ver TLSv1.3
  ssl-default-server-ciphersuites {SUITES}
defaults
  {'log global' if setup.access_log and not setup.tunnel else ''}
  maxconn {CONNECTIONS}
  timeout connect 10s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
{body}"""


def sizes(setup: Setup) -> str:
    """Buffers of 16 KiB are best for small answers and streams."""
    if setup.tunnel:
        return "tune.pipesize 524288"
    return "tune.bufsize 65536" if setup.carries == "bulk" else ""


def http(setup: Setup, port: int, folder: pathlib.Path) -> str:
    pem = folder / "server.pem"
    pem.write_text(pathlib.Path(setup.certificate.cert).read_text() +
                   pathlib.Path(setup.certificate.key).read_text())
    bind = f" ssl crt {pem} alpn http/1.1" if setup.client_tls else ""
    server = f" ssl verify required ca-file {setup.ca_file} verifyhost {NAME} sni str({NAME})" \
        if setup.up_tls else ""
    return f"""
frontend clients
  mode http
  bind 127.0.0.1:{port} backlog 4096{bind}
  {'log-format ' + LOG if setup.access_log else ''}
  option http-no-delay
  acl known req.hdr(authorization) -m str "Bearer {traffic.TOKEN}"
  http-request deny deny_status 401 unless known
  http-request del-header {expression()} -m reg
  http-request set-header Host 127.0.0.1:{setup.up_port}
  http-request set-header User-Agent {traffic.USER_AGENT}
  http-request set-header Accept-Encoding identity if {{ req.fhdr_cnt(accept-encoding) gt 0 }}
  http-request set-header Authorization "Bearer {traffic.KEY}"
  default_backend up
backend up
  mode http
  option http-no-delay
  http-reuse always
  server up 127.0.0.1:{setup.up_port}{server} pool-max-conn -1
"""


def expression() -> str:
    """Names that are none of those that go up. HAProxy has them in lower case."""
    names = [*NEEDED, *(name.lower() for name in header_names())]
    return "^(?!(?:" + "|".join(names) + ")$)"


def tunnel(setup: Setup, port: int) -> str:
    """Both directions stay in the kernel, through pipes that are large: a third of the CPU time
    that splice-auto takes."""
    if setup.tunnel == "sni":
        rules = f"""
  tcp-request inspect-delay 5s
  tcp-request content accept if {{ req.ssl_hello_type 1 }}
  use_backend up if {{ req.ssl_sni {NAME} }}"""
    else:
        rules = "\n  default_backend up"
    target = setup.upstream_https if setup.tunnel == "sni" else setup.upstream_http
    return f"""
frontend clients
  mode tcp
  bind 127.0.0.1:{port} backlog 4096
  option splice-request
  option splice-response{rules}
backend up
  mode tcp
  option splice-request
  option splice-response
  server up 127.0.0.1:{target}
"""
