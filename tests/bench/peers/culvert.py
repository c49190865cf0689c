# The relay as a user starts it: one file with an upstream, a key pool and a route, one worker, and
# all that it always does (metering, key choice, health, its access log). Several builds can stand
# beside each other in one run.
import json
import os
import pathlib

from tests.bench import process, traffic
from tests.bench.peers.setup import CONNECTIONS, Running, Setup

TREE = pathlib.Path(__file__).resolve().parents[3]


def default_path() -> str:
    return os.environ.get("CULVERT_RELAY") or str(TREE / "build/bin/culvert-relay")


class Culvert:
    def __init__(self, name: str = "culvert", path: str | None = None):
        self.name, self.path = name, path or default_path()

    def start(self, setup: Setup, folder: pathlib.Path) -> Running:
        folder = folder / self.name
        folder.mkdir(parents=True, exist_ok=True)
        port = process.free_port()
        config = folder / "relay.yaml"
        config.write_text("---\n".join(documents(setup, port, folder)))
        # SIGTERM would wait for streams of clients that are gone by then.
        env = process.environment(CULVERT_DRAIN_TIMEOUT="1s")
        running = Running(port, process.Process(self.name, [self.path, "--config", str(config)],
                                                process.PROXY_CORE, folder, env), folder)
        running.child.wait_for_port(port)
        return running


def document(kind: str, name: str, **spec) -> str:
    """JSON is YAML; one line per field of `spec` is what a person can read."""
    lines = "".join(f"  {field}: {json.dumps(value)}\n" for field, value in spec.items())
    return f"kind: {kind}\nname: {name}\nspec:\n{lines}"


def documents(setup: Setup, port: int, folder: pathlib.Path) -> list[str]:
    if setup.tunnel:
        return [relay(setup, process.free_port(), folder, tls=False), tunnel(setup, port)]
    return [relay(setup, port, folder, setup.client_tls), upstream(setup), pool(setup),
            *routes(setup)]


def relay(setup: Setup, port: int, folder: pathlib.Path, tls: bool) -> str:
    certificate = setup.certificate
    return document(
        "Relay", "bench",
        listen=[f"{'https' if tls else 'http'}://127.0.0.1:{port}"],
        certificates=[{"cert": certificate.cert, "key": certificate.key}],
        admin_listen=f"127.0.0.1:{process.free_port()}",
        workers=1,
        auth_tokens=[traffic.TOKEN],
        ca_file=setup.ca_file,
        state_dir=str(folder / "state"),
        usage={"spool": setup.features},
        access_log={"off": not setup.access_log},
        # All clients of a benchmark have one address.
        limits={"connections": CONNECTIONS, "connections_per_address": CONNECTIONS})


def upstream(setup: Setup) -> str:
    scheme = "https" if setup.up_tls else "http"
    tls = {"tls": {"min_version": "tls13", "server_name": "localhost"}} if setup.up_tls else {}
    return document("Upstream", "bench", dialect="openai",
                    targets=[{"url": f"{scheme}://127.0.0.1:{setup.up_port}"}],
                    strategies=["socket"], **tls)


def pool(setup: Setup) -> str:
    keys = [traffic.KEY] + [f"{traffic.KEY[:-6]}{n:06}" for n in range(1, setup.keys)]
    # More than any run uses: what is measured is the counting.
    limits = {"limits": {"requests_per_minute": 10**8, "tokens_per_minute": 10**12}} \
        if setup.features else {}
    return document("KeyPool", "bench", upstream="bench", policy="round_robin", keys=keys, **limits)


def routes(setup: Setup) -> list[str]:
    """The one that is used, among `routes` that could be."""
    match = {"path_prefix": "/v1"}
    if setup.features:
        match["models"] = ["other-*", "bench-*"]
    used = document("Route", "used", match=match, to=[{"upstream": "bench"}])
    return [used] + [document("Route", f"r{n}", match={"path_prefix": f"/team-{n}/v1"},
                              to=[{"upstream": "bench"}]) for n in range(1, setup.routes)]


def tunnel(setup: Setup, port: int) -> str:
    if setup.tunnel == "sni":
        return document("Tunnel", "bench", listen=f"tls://127.0.0.1:{port}", names=["localhost"],
                        to=f"tcp://127.0.0.1:{setup.upstream_https}")
    return document("Tunnel", "bench", listen=f"tcp://127.0.0.1:{port}",
                    to=f"tcp://127.0.0.1:{setup.upstream_http}")

