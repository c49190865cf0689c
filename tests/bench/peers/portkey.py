# Portkey's gateway from npm, as its own documentation starts it: the key and the upstream come with
# each request. Needs `npm ci` in tests/bench/portkey.
import pathlib

from tests.bench import process, traffic
from tests.bench.peers.setup import Running, Setup

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / \
    "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"


class Portkey:
    name = "portkey"

    def start(self, setup: Setup, folder: pathlib.Path) -> Running:
        folder = folder / self.name
        folder.mkdir(parents=True, exist_ok=True)
        port = process.free_port()
        command = [process.program("node"), str(PROGRAM), f"--port={port}", "--headless"]
        env = process.environment(NODE_ENV="production")
        running = Running(port, process.Process(self.name, command, process.PROXY_CORE, folder,
                                                env), folder)
        running.child.wait_for_port(port)
        return running


def headers(setup: Setup) -> list[tuple[str, str]]:
    """Instead of the relay's token: what this gateway is told with each request."""
    return [("Authorization", f"Bearer {traffic.KEY}"), *traffic.COMMON, *traffic.IDENTIFYING,
            ("x-portkey-provider", "openai"),
            ("x-portkey-custom-host", f"http://127.0.0.1:{setup.upstream_http}/v1")]
