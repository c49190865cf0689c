# No proxy at all: the generator at the upstream itself. What it reaches is the ceiling of the two
# on their one core.
import pathlib

from tests.bench.peers.setup import Running, Setup


class Direct:
    name = "direct"

    def start(self, setup: Setup, folder: pathlib.Path) -> Running:
        del folder
        tls = setup.client_tls or setup.tunnel == "sni"
        return Running(setup.upstream_https if tls else setup.upstream_http)
