# What one workload asks of every contestant, in words that each peer's file turns into its own
# configuration; and what starting one gives back.
import pathlib
from dataclasses import dataclass, field

from tests.bench import process
from tests.fakes import certs

NAME = "localhost"          # in the certificates of both legs, which are one
# The order of the relay's own as a client; as servers all follow the client's.
SUITES = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
CONNECTIONS = 6000          # of clients; HAProxy takes 15,000 descriptors for them in TCP mode


@dataclass(frozen=True)
class Setup:
    """`upstream_http` and `upstream_https` are the upstream's ports; `up` says which is used."""

    upstream_http: int
    upstream_https: int
    client_tls: bool = False
    up_tls: bool = False
    access_log: bool = True
    # What is carried decides how an expert sizes buffers: "small" answers, event "streams", "bulk".
    carries: str = "small"
    tunnel: str = ""  # "", "tcp" or "sni": bytes alone, to the upstream's port of that kind
    # Of the relay alone.
    keys: int = 1
    routes: int = 1
    features: bool = False  # routing by model, tenant token, limits of keys, usage kept on disk

    @property
    def up_port(self) -> int:
        return self.upstream_https if self.up_tls else self.upstream_http

    @property
    def certificate(self) -> certs.Certificate:
        return certs.server()

    @property
    def ca_file(self) -> str:
        return certs.authority().ca_file


@dataclass
class Running:
    """A contestant at work: clients connect to `port`. Ended by stop()."""

    port: int
    child: process.Process | None = None
    folder: pathlib.Path | None = None
    more: dict = field(default_factory=dict)

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    def stop(self) -> None:
        if self.child:
            self.child.stop()


def header_names() -> list[str]:
    """Of the client's fields, those that go up as they are: what the relay's list lets through of
    the OpenAI dialect."""
    return ["Content-Type", "Accept", "OpenAI-Organization", "OpenAI-Project", "OpenAI-Beta",
            "Idempotency-Key"]
