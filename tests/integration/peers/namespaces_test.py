# A near and a far relay in network namespaces of their own: whom the upstream sees. The near one
# has no way to the upstream, so that nothing but the far one can have made the connection.
#
#   client, control 10.99.1.1 ── .1.2 near .3.1 ── .3.2 far .2.2 ── 10.99.2.1 upstream
import os
import subprocess
import unittest

from tests.fakes.control import Control
from tests.fakes.raw_upstream import RawUpstream
from tests.integration.fleet.support import KEY, ask
from tests.integration.peers.http_test import answer_all
from tests.integration.peers.support import PeerCase, document, documents
from tests.integration.tunnels.support import connect, read_exactly

NEAR = """kind: Relay
name: self
spec:
  listen: ["http://10.99.1.2:8080"]
"""
FAR = """kind: Relay
name: self
spec:
  peer: {listen: "10.99.3.2:7443"}
"""


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"


def cable(here: str, here_address: str, there: str, there_address: str) -> None:
    """Between two namespaces; "" is the test's own."""
    name = f"cv{os.getpid() % 100000}{here_address.split('.')[2]}"
    ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b")
    for end, space, address in (("a", here, here_address), ("b", there, there_address)):
        within = ["-n", space] if space else []
        if space:
            ip("link", "set", f"{name}{end}", "netns", space)
        ip(*within, "address", "add", f"{address}/30", "dev", f"{name}{end}")
        ip(*within, "link", "set", f"{name}{end}", "up")


def allowed() -> bool:
    """Root may, unless it is one of a container that may not."""
    name = f"culvert-probe-{os.getpid()}"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True)
    if done.returncode == 0:
        ip("netns", "delete", name)
    return done.returncode == 0


@unittest.skipUnless(allowed(), "this machine lets nobody make network namespaces")
class Namespaces(PeerCase):
    def setUp(self):
        super().setUp()
        self.spaces = [f"culvert-near-{os.getpid()}", f"culvert-far-{os.getpid()}"]
        for space in self.spaces:
            ip("netns", "add", space)
            self.addCleanup(ip, "netns", "delete", space)
            ip("-n", space, "link", "set", "lo", "up")
        near, far = self.spaces
        cable("", "10.99.1.1", near, "10.99.1.2")
        cable("", "10.99.2.1", far, "10.99.2.2")
        cable(near, "10.99.3.1", far, "10.99.3.2")

    def service(self) -> Control:
        return Control.for_test(self, listen="0.0.0.0",
                                names=("localhost", "127.0.0.1", "10.99.1.1", "10.99.2.1"))

    def join_from(self, space: str, address: str, name: str, region: str, config: str):
        """It enrols here and runs there, where the service has another address."""
        port = self.control.address.rpartition(":")[2]
        relay = self.control.join(name, region, config=config, start=False,
                                  env={"CULVERT_CONTROL": f"{address}:{port}"},
                                  within=("ip", "netns", "exec", space))
        relay.start()
        self.addCleanup(relay.close)
        return relay

    def test_the_upstream_sees_the_far_relay_alone(self):
        upstream = self.enterContext(RawUpstream(answer_all, host="10.99.2.1"))
        near = self.join_from(self.spaces[0], "10.99.1.1", "near", "eu-west", NEAR)
        self.join_from(self.spaces[1], "10.99.2.1", "far", "us-east", FAR)
        token = self.client_token()
        self.control.apply(documents(
            document("Upstream", "house", dialect="openai", targets=[{"url": upstream.url}],
                     strategies=["via:us-east"], health_check={"off": True}),
            document("KeyPool", "house", upstream="house", keys=[KEY]),
            document("Tunnel", "t", listen="tcp://10.99.1.2:9000", via="us-east",
                     to=f"tcp://{upstream.address}", relays={"regions": ["eu-west"]})))
        self.wait_until_served([near], "/house/v1/chat/completions", token)
        self.assertEqual(ask(near, "/house/v1/chat/completions", token)[0], 200)
        near.wait_for_message("listening", scheme="tcp")
        with connect("10.99.1.2:9000") as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: upstream\r\n\r\n")
            self.assertEqual(read_exactly(client, 15), b"HTTP/1.1 200 OK")
        self.assertEqual({connection.peer[0] for connection in upstream.connections},
                         {"10.99.2.2"})
        sent = b"".join(connection.received for connection in upstream.connections)
        for word in (b"10.99.1.", b"10.99.3.", b"near", b"Culvert"):
            self.assertNotIn(word, sent)


if __name__ == "__main__":
    unittest.main()
