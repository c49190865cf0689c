# nginx of Debian as an expert would set it up for this work: one worker, keep-alive and resumed TLS
# to the upstream, nothing buffered, no logging to disk, the same allow-list of headers as the
# relay's. Each choice has its reason beside it.
import pathlib

from tests.bench import process, traffic
from tests.bench.peers.setup import CONNECTIONS, NAME, SUITES, Running, Setup, header_names

# Half of a record of event streams would lie unused in 16 KiB; bulk wants whole ones, and reads of
# many. Without buffering, proxy_buffer_size is what one read takes.
SIZES = {"small": ("16k", "8k"), "streams": ("4k", "4k"), "bulk": ("16k", "128k")}

# Without $request_id, which costs nginx a seventh of its instructions.
LOG = ('\'{"time":"$time_iso8601","method":"$request_method","path":"$uri",'
       '"status":$status,"bytes_in":$request_length,"bytes_out":$bytes_sent,'
       '"upstream":"$upstream_addr","connect":"$upstream_connect_time",'
       '"first_byte":"$upstream_header_time","total":$request_time}\'')


class Nginx:
    name = "nginx"

    def start(self, setup: Setup, folder: pathlib.Path) -> Running:
        folder = folder / self.name
        folder.mkdir(parents=True, exist_ok=True)
        port = process.free_port()
        config = folder / "nginx.conf"
        config.write_text(configuration(setup, port, folder))
        command = [process.program("nginx"), "-p", str(folder), "-c", str(config),
                   "-e", str(folder / "error.log"), "-g", "daemon off;"]
        running = Running(port, process.Process(self.name, command, process.PROXY_CORE, folder),
                          folder)
        running.child.wait_for_port(port)
        return running


def configuration(setup: Setup, port: int, folder: pathlib.Path) -> str:
    module = stream_module() if setup.tunnel else None
    return "\n".join([f"load_module {module};" if module else "", common(folder),
                      stream(setup, port) if setup.tunnel else http(setup, port, folder)])


def common(folder: pathlib.Path) -> str:
    return f"""
worker_processes 1;
worker_rlimit_nofile {2 * CONNECTIONS + 1000};
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections {2 * CONNECTIONS + 500}; multi_accept on; }}"""


def http(setup: Setup, port: int, folder: pathlib.Path) -> str:
    record, read = SIZES[setup.carries]
    # As every contestant: a line of JSON per request. A buffer is what busy servers have.
    log = "access_log /dev/null relay buffer=64k flush=1s;" if setup.access_log \
        else "access_log off;"
    return f"""
http {{
  log_format relay escape=json {LOG};
  {log}
  server_tokens off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  client_max_body_size 0;
  client_body_buffer_size 16k;
  proxy_buffering off;
  proxy_request_buffering off;
  proxy_buffer_size {read};
  proxy_buffers 8 {read};
  proxy_busy_buffers_size {busy(read)};
  proxy_http_version 1.1;
  proxy_read_timeout 300s;
  # More idle ones than any workload has clients; the limit of requests of each is Debian's 1,000.
  upstream up {{
    server 127.0.0.1:{setup.up_port};
    keepalive {CONNECTIONS};
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
  }}
  map $http_authorization $known {{ default 0; "Bearer {traffic.TOKEN}" 1; }}
  # Clients that offer some encoding are answered in plain, as the relay asks for them.
  map $http_accept_encoding $identity {{ default identity; "" ""; }}
  server {{
    listen 127.0.0.1:{port}{' ssl' if setup.client_tls else ''} backlog=4096;
    {client_tls(setup, record) if setup.client_tls else ''}
    location /v1/ {{
      if ($known = 0) {{ return 401; }}
      proxy_pass_request_headers off;
      proxy_set_header Host 127.0.0.1:{setup.up_port};
      proxy_set_header Connection "";
      proxy_set_header User-Agent {traffic.USER_AGENT};
      proxy_set_header Accept-Encoding $identity;
      proxy_set_header Authorization "Bearer {traffic.KEY}";
{allowed()}
      {up_tls(setup) if setup.up_tls else ''}
      proxy_pass {'https' if setup.up_tls else 'http'}://up;
    }}
  }}
}}"""


def busy(read: str) -> str:
    return f"{2 * int(read.rstrip('k'))}k"


def allowed() -> str:
    """A field that the client did not send is empty, and nginx sends no empty ones."""
    return "\n".join(f"      proxy_set_header {name} $http_{name.lower().replace('-', '_')};"
                     for name in header_names())


def client_tls(setup: Setup, record: str) -> str:
    return f"""ssl_certificate {setup.certificate.cert};
    ssl_certificate_key {setup.certificate.key};
    ssl_protocols TLSv1.3;
    ssl_conf_command NumTickets 1;
    ssl_session_tickets on;
    ssl_session_cache off;
    ssl_buffer_size {record};"""


def up_tls(setup: Setup) -> str:
    return f"""proxy_ssl_protocols TLSv1.3;
      proxy_ssl_conf_command Ciphersuites {SUITES};
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate {setup.ca_file};
      proxy_ssl_name {NAME};
      proxy_ssl_server_name on;
      proxy_ssl_session_reuse on;"""


def stream(setup: Setup, port: int) -> str:
    """proxy_half_close: without it nginx ends what a client still waits for."""
    if setup.tunnel == "sni":
        target = f"""map $ssl_preread_server_name $up {{
    {NAME} 127.0.0.1:{setup.upstream_https};
  }}"""
        server = "ssl_preread on; proxy_pass $up;"
    else:
        target, server = "", f"proxy_pass 127.0.0.1:{setup.upstream_http};"
    return f"""
stream {{
  proxy_half_close on;
  proxy_buffer_size 256k;
  {target}
  server {{ listen 127.0.0.1:{port} backlog=4096; {server} }}
}}"""


def stream_module() -> str | None:
    """The file to load, None where none is there: Debian builds it as a module of a package of its
    own, others build it in."""
    for folder in ("/usr/lib/nginx/modules", "/usr/share/nginx/modules"):
        if (file := pathlib.Path(folder) / "ngx_stream_module.so").exists():
            return str(file)
    return None
