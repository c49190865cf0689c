# Tunnels from a control service: applied, opened on the relays that they are for without a restart,
# shown, changed, refused by one relay alone, kept over an outage, taken away again; and what went
# through them, with its tenant and its time, in the ledger.
import json
import os
import socket

from tests.fakes.control import free_port
from tests.fakes.tls_socket import FIN
from tests.integration.fleet.support import FleetCase, ask, house
from tests.integration.tunnels.support import Destination, connect, read_exactly, read_to_end


def document(name: str, **spec) -> str:
    """JSON is YAML too."""
    return json.dumps({"kind": "Tunnel", "name": name, "spec": spec}) + "\n"


def word_of(address: str) -> tuple[bytes, str]:
    """What who connects there and ends at once is told, and how it ends."""
    try:
        with connect(address) as link:
            link.shutdown(socket.SHUT_WR)
            return read_to_end(link)
    except OSError:
        return b"", "refused"


class Tunnels(FleetCase):
    def saying(self, word: bytes) -> str:
        return "tcp://" + Destination(self, lambda link: link.sendall(word)).address

    def wait_for_word(self, address: str, word: bytes) -> None:
        self.control.wait_for(lambda: word_of(address), lambda got: got == (word, FIN))

    def wait_until_closed(self, address: str) -> None:
        self.control.wait_for(lambda: word_of(address), lambda got: got[1] == "refused")

    def test_from_apply_to_delete(self):
        here, there = self.join("here", "there", regions=("eu-west", "us-east"))
        address = f"127.0.0.1:{free_port()}"
        spec = {"listen": f"tcp://{address}", "relays": {"regions": ["eu-west"]}}
        self.control.apply(document("t", to=self.saying(b"one"), **spec))
        here.wait_for_message("listening", tunnel="t", address=address)
        self.assertEqual(word_of(address), (b"one", FIN))
        shown = self.control.ask("get", "tunnel", "t")
        self.assertIn(spec["listen"], json.dumps(shown))
        statuses = self.control.wait_for(self.statuses, lambda all: all["there"]["running_hash"])
        for name, status in statuses.items():
            self.assertEqual(status["running_hash"], status["desired_hash"], name)
        self.assertEqual(there.addresses("tcp"), [])

        self.control.apply(document("t", to=self.saying(b"other"), **spec))
        self.wait_for_word(address, b"other")

        self.control.operator("delete", "tunnel", "t")
        here.wait_for_message("a tunnel's listener is closed", address=address)
        self.wait_until_closed(address)

    def test_kept_while_the_service_is_away(self):
        (relay,) = self.join("one", expect_exit=None)
        address = f"127.0.0.1:{free_port()}"
        self.control.apply(document("t", listen=f"tcp://{address}", to=self.saying(b"here")))
        self.wait_for_word(address, b"here")
        self.control.crash()
        relay.crash()
        relay.start()
        self.wait_for_word(address, b"here")
        self.control.start()
        self.control.operator("delete", "tunnel", "t")
        self.wait_until_closed(address)

    def test_what_went_through_is_in_the_ledger(self):
        relays = self.join("one", "two", regions=("eu-west", "us-east"))
        destination = Destination(self)
        addresses = []
        for name, region in (("near", "eu-west"), ("far", "us-east")):
            addresses.append(f"127.0.0.1:{free_port()}")
            self.control.apply(document(name, listen=f"tcp://{addresses[-1]}", tenant="ops",
                                        to=f"tcp://{destination.address}",
                                        relays={"regions": [region]}))
        for relay, address in zip(relays, addresses):
            relay.wait_for_message("listening", address=address)
        carried = (1000, 30_000, 200_000)
        for count in carried:
            with connect(addresses[0]) as link:
                data = os.urandom(count)
                link.sendall(data)
                self.assertEqual(read_exactly(link, count), data)
                link.shutdown(socket.SHUT_WR)
                self.assertEqual(read_to_end(link), (b"", FIN))
        line = relays[0].wait_for_log(lambda line: line["mode"] == "tunnel", count=3)
        rows = self.control.wait_for(
            lambda: self.control.ask("usage", "--by", "tenant,upstream,relay,class")["rows"],
            lambda rows: rows and int(rows[0]["requests"]) == len(carried))
        self.assertEqual(rows[0]["group"], {"tenant": "ops", "upstream": "tunnel/near",
                                            "relay": "one", "class": "delivered"})
        for way in ("bytes_in", "bytes_out"):
            self.assertEqual(int(rows[0][way]), sum(carried))
        spent = sum(int(one["total_ms"]) for one in line)
        self.assertLessEqual(abs(int(rows[0]["total_ms"]) - spent), len(carried))
        table = self.control.operator("usage", "--by", "upstream").stdout
        self.assertIn("tunnel/near", table)
        self.assertNotIn("tunnel/far", table)

    def test_what_a_killed_relay_had_carried_is_in_the_ledger(self):
        (relay,) = self.join("one", expect_exit=None)
        destination = Destination(self)
        address = f"127.0.0.1:{free_port()}"
        self.control.apply(document("t", listen=f"tcp://{address}", tenant="ops",
                                    to=f"tcp://{destination.address}"))
        relay.wait_for_message("listening", tunnel="t")
        with connect(address) as link:
            link.sendall(b"x" * 1000)
            self.assertEqual(read_exactly(link, 1000), b"x" * 1000)
            relay.wait_for_metric(lambda m: m.sum("culvert_tunnel_bytes_total", tunnel="t") == 2000)
            relay.crash()
        relay.start()
        rows = self.control.wait_for(
            lambda: self.control.ask("usage", "--by", "tenant,upstream,class")["rows"], bool)
        self.assertEqual(rows[0]["group"], {"tenant": "ops", "upstream": "tunnel/t",
                                            "class": "truncated"})
        self.assertEqual((int(rows[0]["bytes_in"]), int(rows[0]["bytes_out"])), (1000, 1000))

    def test_a_relay_refuses_what_clashes_with_its_own_listener_alone(self):
        taken = f"127.0.0.1:{free_port()}"
        free = f"127.0.0.1:{free_port()}"
        (odd,) = self.join("odd", env={"CULVERT_LISTEN": f"http://{taken}"})
        token = self.client_token()
        done = self.control.apply(
            house(self.models) + "---\n" +
            document("clashes", listen=f"tcp://{taken}", to=self.saying(b"x")) + "---\n" +
            document("sound", listen=f"tcp://{free}", to=self.saying(b"y")), expect=(1,))
        self.assertIn("odd", done.stdout + done.stderr)
        (refusal,) = self.control.wait_for(
            lambda: self.statuses()["odd"].get("refusals"), bool)
        self.assertEqual(refusal["name"], "clashes")
        self.wait_for_word(free, b"y")
        self.assertEqual(ask(odd, "/house/v1/chat/completions", token)[0], 200)

    def test_a_listener_that_cannot_be_opened_is_tried_again(self):
        (relay,) = self.join("one")
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            self.control.apply(document("t", listen=f"tcp://{address}", to=self.saying(b"x")))
            relay.wait_for_message("a tunnel's listener cannot be opened; it is tried again",
                                   tunnel="t")
        relay.wait_for_message("listening", tunnel="t", address=address)
        self.assertEqual(word_of(address), (b"x", FIN))
