# What a WebSocket carries through the relay, with peers that nobody here wrote (npm's ws, Debian's
# python3-websockets, Chromium), and how it ends: closes, aborts, timers, a relay that stops.
import hashlib
import json
import os
import threading
import unittest

from tests.fakes.child import HANG_GUARD_SECONDS
from tests.fakes.relay import sanitized
from tests.fakes.tls_socket import FIN, RESET, Ended, receive
from tests.integration.http.support import KEY_A, TOKEN, memory
from tests.integration.tunnels.chromium import Chromium
from tests.integration.tunnels.upgrade import UpgradeCase, agreement, echoing

SIZES = [0, 1, 125, 126, 127, 65535, 65536, 1 << 20, 5_000_000]
MIB = 1 << 20

# What a page does with a WebSocket, as a promise of what it saw.
PAGE = """new Promise((tell) => {
  const socket = new WebSocket(%s, %s);
  const seen = {messages: []};
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    seen.protocol = socket.protocol; seen.extensions = socket.extensions;
    socket.send("wörter".repeat(20000)); socket.send(new Uint8Array(100000).fill(7));
  };
  socket.onmessage = (event) => {
    const bytes = typeof event.data !== "string";
    seen.messages.push(bytes ? new Uint8Array(event.data).every((b) => b === 7)
                               && event.data.byteLength
                             : event.data === "wörter".repeat(20000));
    if (seen.messages.length === 2) socket.close(4321, "enough");
  };
  socket.onclose = (event) => {
    seen.closed = [event.code, event.reason, event.wasClean];
    tell(seen);
  };
})"""


class Peers(UpgradeCase):
    def setUp(self):
        self.server, port = self.ws_server()
        self.under_test = self.relay(AUTH_TOKEN=TOKEN, OPENAI_API_KEYS=KEY_A,
                                     PROXY_OPENAI_TARGET=f"https://localhost:{port}")
        self.url = f"ws://{self.under_test.http}/openai/v1/realtime?model=m"
        self.wanted = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "sizes": SIZES,
                       "protocols": ["realtime", "other"], "deflate": True,
                       "close": [4321, "enough"]}

    def check(self, seen: dict) -> None:
        self.assertEqual(seen["protocol"], "realtime")
        self.assertIn("permessage-deflate", seen["extensions"])
        self.assertEqual(seen["closed"], [4321, "enough"])
        self.assertEqual({size: all(each) for size, each in seen["echoes"].items()},
                         {str(size): True for size in SIZES})
        opened = self.server.next("opened")
        self.assertEqual(opened["headers"]["authorization"], f"Bearer {KEY_A}")
        self.assertEqual(self.server.next("closed"), {"closed": 4321, "reason": "enough"})
        line = self.under_test.wait_for_log(lambda line: line.get("mode") == "websocket")[0]
        self.assertEqual((line["status"], line["outcome"], line["close"], line["model"]),
                         (101, "ok", "whole", "m"), line)

    def test_ws(self):
        self.check(self.ask_ws(self.url, **self.wanted))

    def test_websockets(self):
        self.check(self.ask_websockets(self.url, **self.wanted))

    def test_without_compression_every_byte_is_counted(self):
        seen = self.ask_ws(self.url, **self.wanted | {"deflate": False})
        self.assertEqual(seen["extensions"], "")
        line = self.under_test.wait_for_log(lambda line: line.get("mode") == "websocket")[0]
        carried = 2 * sum(SIZES) - sum(size % 8 for size in SIZES)
        self.assertGreater(line["bytes_in"], carried)
        self.assertLess(line["bytes_in"], carried + 1000)
        self.assertGreater(line["bytes_out"], carried)

    def test_chromium(self):
        protocols = ["realtime", f"openai-insecure-api-key.{TOKEN}"]
        browser = Chromium(self, "--no-proxy-server")
        browser.open(f"http://{self.under_test.http}/healthz")  # any page of this origin
        seen = browser.run(PAGE % (json.dumps(self.url), json.dumps(protocols)))
        self.assertEqual(seen["messages"], [True, 100000])
        self.assertEqual(seen["protocol"], "realtime")
        self.assertIn("permessage-deflate", seen["extensions"])
        self.assertEqual(seen["closed"], [4321, "enough", True])
        headers = self.server.next("opened")["headers"]
        self.assertEqual(headers["authorization"], f"Bearer {KEY_A}")
        self.assertEqual(headers["sec-websocket-protocol"], "realtime")
        for name in ("origin", "cookie", "accept-language", "accept-encoding"):
            self.assertNotIn(name, headers)
        self.assertNotIn("Chrom", headers["user-agent"])


class Ends(UpgradeCase):
    def line(self, relay) -> dict:
        return relay.wait_for_log(lambda line: line.get("mode") == "websocket")[0]

    def test_a_client_that_resets(self):
        how = []
        def script(connection):
            connection.send(agreement(connection.recv_head()))
            how.append(connection.recv_end())
        raw = self.upstream(script)
        relay = self.relay(upstream=raw)
        client = self.websocket(relay, "/raw/x")
        client.reset()
        raw.wait_finished(1)
        self.assertEqual(how, [RESET])
        line = self.line(relay)
        self.assertEqual((line["outcome"], line["close"], line["status"]),
                         ("aborted", "client", 101))

    def test_an_upstream_that_resets(self):
        def script(connection):
            connection.send(agreement(connection.recv_head()) + b"last words")
            connection.recv_exactly(2)
            connection.rst()
        relay = self.relay(upstream=self.upstream(script))
        client = self.websocket(relay, "/raw/x")
        self.assertEqual(client.read_exactly(10), b"last words")
        client.send(b"go")
        self.assertEqual(client.ends(), RESET)
        self.assertEqual((self.line(relay)["outcome"], self.line(relay)["close"]),
                         ("truncated", "upstream"))

    def test_half_a_close_is_passed_on_and_the_other_half_goes_on(self):
        def script(connection):
            connection.send(agreement(connection.recv_head()))
            connection.recv_end()
            connection.send(b"x" * MIB)
            connection.fin()
        relay = self.relay(upstream=self.upstream(script))
        client = self.websocket(relay, "/raw/x")
        client.send(b"all")
        client.finish_sending()
        self.assertEqual(client.read_exactly(MIB), b"x" * MIB)
        self.assertEqual(client.ends(), FIN)
        line = self.line(relay)
        self.assertEqual((line["close"], line["bytes_in"], line["bytes_out"]), ("whole", 3, MIB))

    def test_one_that_stands_still(self):
        relay = self.relay(upstream=self.upstream(echoing()), CULVERT_TIMEOUT_IDLE="500ms")
        client = self.websocket(relay, "/raw/x")
        client.send(b"bytes")
        self.assertEqual(client.read_exactly(5), b"bytes")
        self.assertEqual(client.ends(), FIN)
        line = self.line(relay)
        self.assertEqual((line["close"], line["outcome"], line["bytes_in"], line["bytes_out"]),
                         ("idle", "truncated", 5, 5))

    def test_a_relay_that_stops_gives_it_grace_and_then_ends_it(self):
        relay = self.relay(upstream=self.upstream(echoing()), CULVERT_DRAIN_TIMEOUT="1s")
        client = self.websocket(relay, "/raw/x")
        relay.process.terminate()
        relay.wait_for_message("draining")
        client.send(b"still")
        self.assertEqual(client.read_exactly(5), b"still")
        self.assertEqual(client.ends(), FIN)
        self.assertEqual(self.line(relay)["close"], "drain")
        self.assertEqual(relay.wait_exit(), 0)

    def test_active_ones_are_counted(self):
        relay = self.relay(upstream=self.upstream(echoing()))
        active = {"tunnel": "http/websocket"}
        clients = [self.websocket(relay, "/raw/x") for _ in range(3)]
        relay.wait_for_metric(lambda m: m.sum("culvert_tunnel_active", **active) == 3)
        for client in clients:
            client.send(b"bytes")
            self.assertEqual(client.read_exactly(5), b"bytes")
            client.close()
        relay.wait_for_metric(lambda m: m.sum("culvert_tunnel_active", **active) == 0)
        relay.wait_for_metric(lambda m: m.sum("culvert_tunnel_bytes_total", direction="in",
                                                **active) == 15)

    def test_its_usage_is_recorded(self):
        raw = self.upstream(echoing())
        relay = self.relay("kind: Relay\nname: r\nspec: {usage: {spool: true}}\n", upstream=raw)
        client = self.websocket(relay, "/raw/x")
        client.send(b"bytes")
        self.assertEqual(client.read_exactly(5), b"bytes")
        client.finish_sending()
        self.assertEqual(self.line(relay)["usage"], "delivered")


class Bulk(UpgradeCase):
    def test_much_passes_with_flat_memory(self):
        def script(connection):  # its own loop: what comes is not kept
            connection.send(agreement(connection.recv_head()))
            while True:
                connection.link.sendall(receive(connection.link))

        relay = self.relay(upstream=self.upstream(script, tls=True))
        client = self.websocket(relay, "/raw/x")
        piece = os.urandom(MIB)
        sum_of = hashlib.sha256

        def pass_through(count: int) -> None:
            sender = threading.Thread(target=lambda: [client.send(piece) for _ in range(count)])
            sender.start()
            left, seen = count * MIB, sum_of()
            while left > 0:
                data = receive(client.link, min(left, 1 << 16))
                seen.update(data)
                left -= len(data)
            sender.join()
            self.assertEqual(seen.digest(), sum_of(piece * count).digest())

        pass_through(1)
        before = memory(relay, "VmRSS")
        pass_through(64)
        if not sanitized():  # whose own memory grows
            self.assertLess(memory(relay, "VmHWM") - before, 8 * MIB)

    def test_who_does_not_read_stops_who_sends(self):
        blocked, go_on = threading.Event(), threading.Event()
        def script(connection):
            connection.send(agreement(connection.recv_head()))
            connection.socket.settimeout(1)
            try:
                while True:
                    connection.socket.sendall(bytes(MIB))
            except TimeoutError:
                blocked.set()  # for a second nobody took a byte
            go_on.wait(HANG_GUARD_SECONDS)
            connection.socket.settimeout(HANG_GUARD_SECONDS)
            connection.fin()
            connection.recv_end()
        relay = self.relay(upstream=self.upstream(script))
        client = self.websocket(relay, "/raw/x")
        self.assertTrue(blocked.wait(HANG_GUARD_SECONDS))
        self.assertLess(memory(relay, "VmRSS"), 120 * MIB)
        go_on.set()
        length = 0
        with self.assertRaises(Ended) as end:
            while True:
                data = receive(client.link)
                self.assertEqual(data.count(0), len(data))
                length += len(data)
        self.assertEqual(end.exception.how, FIN)
        self.assertGreater(length, MIB)


if __name__ == "__main__":
    unittest.main()
