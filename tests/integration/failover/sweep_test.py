# A connection that ends after any number of bytes, in either direction, by reset and by a proper
# end, over TLS, by either strategy: a fault proxy between the real relay and a whole model server.
# Wherever it falls, no POST is taken twice and nothing that is cut looks whole.
import unittest
from concurrent.futures import ThreadPoolExecutor

from tests.fakes import certs
from tests.fakes.fault_proxy import FaultProxy
from tests.fakes.models import Models
from tests.fakes.raw_client import exchange
from tests.fakes.relay import Relay
from tests.integration.failover.failing import BASE
from tests.integration.life import asking, settings

# The ClientHello, the rest of the handshake, the request's head, its body; and the other way round.
OFFSETS = {"up": (0, 1, 100, 250, 400, 600, 700, 800, 900, 1000, 1100, 1200, 1400, 1600, 1900),
           "down": (0, 1, 100, 600, 900, 1100, 1300, 1400, 1500, 1600, 1700, 1800, 1900, 2000,
                    2200, 2500)}
AT_ONCE = 16


class Sweep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = Models(certs.server())
        cls.addClassCleanup(cls.models.close)
        cls.cases = [(strategy, f"{how}_{way}", offset) for strategy in ("socket", "fetch", "both")
                     for way in OFFSETS for how in ("reset", "close") for offset in OFFSETS[way]]
        cls.cases += [(strategy, "half_close", offset) for strategy in ("socket", "fetch", "both")
                      for offset in OFFSETS["down"]]
        documents, cls.proxies = [settings.relay(workers=2)], []
        for number, (strategy, fault, offset) in enumerate(cls.cases):
            proxy = cls.enterClassContext(FaultProxy(("127.0.0.1", cls.models.port),
                                                     **{fault: offset}))
            cls.proxies.append(proxy)
            documents.append(settings.upstream(
                cls.name(number), f"https://localhost:{proxy.port}/{cls.name(number)}",
                dialect="openai", strategies=["socket", "fetch"] if strategy == "both" else
                [strategy], retry={"backoff": "1ms"}, health_check={"off": True},
                timeouts={"first_byte": "2s", "idle": "2s", "tls": "2s"}))
        cls.relay = cls.enterClassContext(Relay(
            {"SSL_CERT_FILE": certs.authority().ca_file, "CULVERT_WORKERS": "2"},
            config=settings.resources(*documents)))

    @staticmethod
    def name(number: int) -> str:
        return f"w{number}"

    def run_all(self, request) -> list:
        with ThreadPoolExecutor(AT_ONCE) as clients:
            return list(clients.map(lambda number: exchange(
                self.relay.http, request(f"/{self.name(number)}/v1/")), range(len(self.cases))))

    def taken(self, method: str) -> dict[str, list[dict]]:
        found: dict[str, list[dict]] = {}
        for seen in self.models.requests(method=method):
            found.setdefault(BASE.search(seen["head"].encode())[1].decode(), []).append(seen)
        return found

    def test_no_post_is_taken_twice(self):
        answers = self.run_all(lambda base: asking.post(f"{base}chat/completions", asking.chat(
            "x" * 500)))
        taken, reached, outcomes = self.taken("POST"), 0, {}
        for number, (case, answer) in enumerate(zip(self.cases, answers)):
            with self.subTest(strategy=case[0], fault=case[1], offset=case[2]):
                calls = taken.get(self.name(number), [])
                reached += len(calls)
                self.assertLessEqual(len(calls), 1)
                if answer.status == 200:
                    self.assertEqual(len(calls), 1)
                    self.assertEqual(answer.complete, b"data: [DONE]" in answer.body)
                else:
                    self.assertEqual((answer.status, answer.get("x-proxy-error")),
                                     (502, "true"), answer.body)
                key = (case[1], answer.status, answer.complete)
                outcomes[key] = outcomes.get(key, 0) + 1
        print(f"\n  {len(self.cases)} cuts of a POST, {reached} of them reached the upstream:",
              *(f"    {fault}: {status}{'' if complete else ', cut'}: {count}"
                for (fault, status, complete), count in sorted(outcomes.items())),
              sep="\n", flush=True)
        self.assertGreater(reached, len(self.cases) // 4)
        self.assertLess(reached, len(self.cases))

    def test_a_get_is_whole_or_an_error(self):
        answers = self.run_all(lambda base: asking.get(f"{base}models"))
        for number, (case, answer) in enumerate(zip(self.cases, answers)):
            with self.subTest(strategy=case[0], fault=case[1], offset=case[2]):
                self.assertIn(answer.status, (200, 502))
                if answer.status == 502:
                    self.assertEqual(answer.get("x-proxy-error"), "true")
                elif answer.complete:
                    self.assertTrue(answer.body.rstrip().endswith(b"}"), answer.body[-100:])


if __name__ == "__main__":
    unittest.main()
