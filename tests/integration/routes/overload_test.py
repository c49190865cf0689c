# An upstream that is slower than its clients: who waits, who is served first, who is sent away, and
# that nobody waits for ever.
import unittest

from tests.fakes.raw_client import RawClient
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.routes.support import BY_TOKEN, Routed, keys, route


class Overload(Routed):
    def slow(self, queue: int = 10, age: str = "20s") -> Relay:
        """One request at a time, and that one stands still until it is released."""
        relay = self.relay(
            self.upstream("slow", concurrency={"most": 1, "fixed": True, "queue": queue,
                                               "queue_age": age}),
            settings.pool("slow", keys("slow", 1)),
            *(route([{"upstream": "slow"}], name, priority=name)
              for name in ("high", "normal", "low")))
        self.other = self.enterContext(RawClient(relay.http))
        self.models.behave(stall="head", times=1)
        self.first = self.client(relay, "normal")
        self.models.wait(stalled_now=1)
        return relay

    def client(self, relay: Relay, priority: str, name: str = "") -> RawClient:
        client = self.enterContext(RawClient(relay.http))
        body = asking.chat(f"{priority} {name}", stream=False)
        client.send(asking.post(f"/{priority}/chat/completions", body, None, BY_TOKEN))
        return client

    def noticed(self) -> None:
        """What was sent before this is in the relay's hands: its only worker has since gone through
        all that was ready, more often than accepting, reading and closing take."""
        for _ in range(8):
            self.other.send("GET /healthz HTTP/1.1\r\nHost: relay.test\r\n\r\n")
            self.assertEqual(self.other.read_response().status, 200)

    def prompts(self) -> list[str]:
        return [one["body"].split('"content": "')[1].split('"')[0] for one in self.seen()]

    def test_the_higher_class_is_served_first(self):
        relay = self.slow()
        clients = [self.client(relay, "low", "a")]
        self.noticed()
        for priority, name in (("normal", "b"), ("normal", "c"), ("high", "d"), ("high", "e")):
            clients.append(self.client(relay, priority, name))
            self.noticed()
        self.models.release()
        for client in (self.first, *clients):
            self.assertEqual(client.read_response("POST").status, 200)
        self.assertEqual(self.prompts(), ["normal ", "high d", "high e", "normal b", "normal c",
                                          "low a"])

    def test_the_lowest_class_is_shed_with_a_time_to_come_back(self):
        relay = self.slow()
        waits = self.client(relay, "low", "a")  # a tenth of ten places
        self.noticed()
        shed = self.client(relay, "low", "b").read_response("POST")
        self.assertEqual(shed.status, 503)
        self.assertGreaterEqual(int(shed.get("retry-after")), 1)
        normal = [self.client(relay, "normal", str(n)) for n in range(6)]  # two thirds with it
        self.noticed()
        last = self.client(relay, "normal", "displaces the low one")
        self.assertEqual(waits.read_response("POST").status, 503)
        self.models.release()
        for client in (self.first, *normal, last):
            self.assertEqual(client.read_response("POST").status, 200)
        self.assertFalse([text for text in self.prompts() if text.startswith("low")])

    def test_nobody_waits_longer_than_he_may(self):
        relay = self.slow(age="300ms")
        waits = [self.client(relay, priority) for priority in ("high", "normal")]
        for client in waits:  # while the upstream still stands
            answer = client.read_response("POST")
            self.assertEqual(answer.status, 503)
            self.assertGreaterEqual(int(answer.get("retry-after")), 1)
        self.noticed()
        self.models.release()
        self.assertEqual(self.first.read_response("POST").status, 200)
        self.assertEqual(len(self.seen()), 1)

    def test_who_leaves_gives_up_his_place(self):
        relay = self.slow()
        gone = [self.client(relay, "high") for _ in range(5)]
        self.noticed()
        stays = self.client(relay, "normal", "stays")
        self.noticed()
        for client in gone:
            client.close()
        self.noticed()
        self.models.release()
        self.assertEqual(self.first.read_response("POST").status, 200)
        self.assertEqual(stays.read_response("POST").status, 200)
        self.assertEqual(self.prompts(), ["normal ", "normal stays"])

    def test_the_end_of_the_one_that_is_served_makes_room(self):
        relay = self.slow()
        next_one = self.client(relay, "normal", "next")
        self.noticed()
        self.first.close()
        self.assertEqual(next_one.read_response("POST").status, 200)
        self.noticed()


if __name__ == "__main__":
    unittest.main()
