# What recovery costs in memory: a thousand streams that are cut at once and taken up again, twice,
# and streams whose requests are too many to be kept for it.
import asyncio
import pathlib
import time
import unittest

from tests.fakes.child import HANG_GUARD_SECONDS
from tests.fakes.relay import Relay, sanitized
from tests.integration.http.support import memory
from tests.integration.life import asking, settings
from tests.integration.streams.many_gemini import TEXT, ManyGemini, read_all
from tests.integration.streams.resume_test import texts

STREAMS = 1000
STREAM_BYTES = 56 * 1024  # of a recovering stream with both its connections; twice what is seen
LEAK_BYTES = 8 * 1024     # by which a stream may grow what stays
LARGE = 1 << 20
LARGE_STREAMS = 400
BUDGET = 256 << 20  # limits::kReplayBytesTotal
SETTINGS = {"backoff": "1ms", "backoff_most": "5ms", "idle": "120s", "seam_wait": "20s"}


def descriptors(relay: Relay) -> int:
    return len(list(pathlib.Path(f"/proc/{relay.pid}/fd").iterdir()))


def request(padding: str = "") -> bytes:
    return asking.post(asking.GEMINI, asking.gemini("hello" + padding), version="1.0")


class Memory(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.model = await self.enterAsyncContext(ManyGemini())
        config = settings.resources(settings.relay(
            gemini_resume=SETTINGS, limits={"connections_per_address": 4 * STREAMS}))
        self.relay = await asyncio.to_thread(
            Relay.for_test, self, {"PROXY_GEMINI_TARGET": self.model.url}, config)

    def streams(self, count: int, padding: str = "") -> list[asyncio.Task]:
        sent = request(padding)
        return [asyncio.create_task(read_all(self.relay.http, sent)) for _ in range(count)]

    async def round(self) -> tuple[int, int]:
        """Resident bytes while all streams run, and while all have been taken up again."""
        self.model.next_round()
        tasks = self.streams(STREAMS)
        await self.model.cut.reached_by(STREAMS)
        running = memory(self.relay, "VmRSS")
        self.model.cut.open()
        await self.model.go_on.reached_by(STREAMS)
        recovering = memory(self.relay, "VmRSS")
        self.model.go_on.open()
        for body in await asyncio.gather(*tasks):
            self.assertEqual(texts(body), (TEXT, 1, False))
        return running, recovering

    async def closed(self, before: int) -> int:
        """Descriptors, as soon as no more are open than the upstream's idle connections."""
        until = time.monotonic() + HANG_GUARD_SECONDS
        while (count := descriptors(self.relay)) > before and time.monotonic() < until:
            await asyncio.sleep(0)
        return count

    async def test_a_thousand_streams_at_once(self):
        start, fds = memory(self.relay, "VmRSS"), descriptors(self.relay)
        first = await self.round()
        between, fds_between = memory(self.relay, "VmRSS"), descriptors(self.relay)
        second = await self.round()
        after = memory(self.relay, "VmRSS")
        print(f"\n  {STREAMS} streams, twice: {(first[0] - start) // STREAMS} bytes each while it "
              f"runs, {(max(first[1], second[1]) - start) // STREAMS} taken up again; "
              f"{(after - between) // STREAMS} left by the second round", flush=True)
        self.assertLessEqual(await self.closed(fds_between), fds_between)
        if not sanitized():  # whose own memory grows
            self.assertLess(max(first[1], second[1]) - start, STREAMS * STREAM_BYTES)
            self.assertLess(after - between, STREAMS * LEAK_BYTES)
        self.assertGreaterEqual(fds_between, fds)

    async def test_a_request_that_cannot_be_kept_makes_no_stream_fail(self):
        tasks = self.streams(LARGE_STREAMS, "x" * LARGE)
        await self.model.cut.reached_by(LARGE_STREAMS)
        self.model.cut.open()
        self.model.go_on.open()
        whole = 0
        for body in await asyncio.gather(*tasks):
            text, ends, error = texts(body)
            whole += ends
            self.assertTrue(TEXT.startswith(text))
            self.assertEqual((text == TEXT, error), (ends == 1, ends == 0))
        self.assertTrue(0 < whole <= BUDGET // LARGE, whole)
        lines = await asyncio.to_thread(
            self.relay.wait_for_log, lambda line: line.get("mode") == "preset", LARGE_STREAMS)
        short = [line for line in lines if line["outcome"] == "truncated"]
        self.assertEqual(len(short), LARGE_STREAMS - whole)
        self.assertEqual({line["gave_up"] for line in short}, {"request_not_kept"})
        self.model.next_round()
        self.model.cut.open()
        self.model.go_on.open()
        again = await asyncio.gather(*self.streams(3, "x" * LARGE))
        self.assertEqual({texts(body) for body in again}, {(TEXT, 1, False)})


if __name__ == "__main__":
    unittest.main()
