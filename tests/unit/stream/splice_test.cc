// Two channels as one: bytes both ways at every split, back-pressure, half-close, breaks, timers;
// and random walks over all of it that end with every byte where it belongs.
#include "relay/stream/splice.h"

#include "relay/base/limits.h"
#include "tests/fakes/cpp/memory_channel.h"
#include "tests/fakes/cpp/run_until.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>

namespace culvert {
namespace {

using namespace std::chrono_literals;
using Cause = SpliceEnd::Cause;
using test::MemoryChannel;
using test::MemoryPeer;

struct Spliced final : SpliceSink {
  explicit Spliced(Splice::Timers timers = {}, std::string_view first = {})
      : splice(loop, timers, *this) {
    splice.start(std::make_unique<MemoryChannel>(client),
                 std::make_unique<MemoryChannel>(destination), first);
  }
  void on_splice_over(SpliceEnd what) override {
    ++overs;
    end = std::move(what);
  }
  void wait_for_end() {
    ASSERT_TRUE(test::run_until(loop, [this] { return end.has_value(); }));
    EXPECT_EQ(overs, 1);
    EXPECT_TRUE(client.muted);
    EXPECT_TRUE(destination.muted);
  }

  Loop loop;
  MemoryPeer client;
  MemoryPeer destination;
  int overs = 0;
  std::optional<SpliceEnd> end;
  Splice splice;  // last: its channels are gone before their peers
};

Error reset() {
  return Error::upstream(Code::kUpstreamClosed, Stage::kNone, Retry::kNever, "read: reset");
}

TEST(Splice, CarriesBothWaysAtEverySplit) {
  const std::string up = "what the client says";
  const std::string down = "and what it is told";
  for (size_t split = 0; split <= up.size(); ++split) {
    Spliced spliced({}, up.substr(0, split));
    spliced.client.say(up.substr(split));
    spliced.destination.say(down, split);
    EXPECT_EQ(spliced.destination.written, up) << split;
    EXPECT_EQ(spliced.client.written, down) << split;
    EXPECT_EQ(spliced.splice.bytes_from(Splice::kClient), up.size());
    EXPECT_EQ(spliced.splice.bytes_from(Splice::kDestination), down.size());
  }
}

TEST(Splice, AnEndIsPassedOnAndTheOtherWayGoesOn) {
  for (const bool client_first : {true, false}) {
    Spliced spliced;
    MemoryPeer& first = client_first ? spliced.client : spliced.destination;
    MemoryPeer& second = client_first ? spliced.destination : spliced.client;
    first.say("question");
    first.end(true);
    EXPECT_EQ(second.written, "question");
    EXPECT_TRUE(second.finished);
    EXPECT_FALSE(first.finished);
    EXPECT_FALSE(spliced.end);
    second.say("answer");
    second.end(true);
    EXPECT_EQ(first.written, "answer");
    EXPECT_TRUE(first.finished);
    ASSERT_TRUE(spliced.end);
    EXPECT_EQ(spliced.end->cause, Cause::kWhole);
    EXPECT_FALSE(first.reset);
    EXPECT_FALSE(second.reset);
  }
}

TEST(Splice, TheLastBytesAreWaitedFor) {
  Spliced spliced;
  spliced.client.queued = 7;
  spliced.client.end(true);
  spliced.destination.end(true);
  test::settle(spliced.loop);
  EXPECT_FALSE(spliced.end);
  spliced.client.queued = 0;
  spliced.wait_for_end();
  EXPECT_EQ(spliced.end->cause, Cause::kWhole);
}

TEST(Splice, AReaderThatDoesNotReadStopsItsSender) {
  Spliced spliced;
  spliced.destination.queued = limits::kHighWater;
  spliced.client.say("up to the mark");
  EXPECT_FALSE(spliced.client.paused);
  spliced.destination.queued = limits::kHighWater + 1;
  EXPECT_EQ(spliced.client.say("one more, and no further", 8), ", and no further");
  EXPECT_TRUE(spliced.client.paused);
  spliced.destination.say("the other way is free");
  EXPECT_FALSE(spliced.destination.paused);
  spliced.destination.queued = limits::kLowWater;
  spliced.destination.drain();
  EXPECT_FALSE(spliced.client.paused);
}

TEST(Splice, ABreakBecomesAResetOfTheOtherSide) {
  for (const bool client_breaks : {true, false}) {
    Spliced spliced;
    MemoryPeer& breaking = client_breaks ? spliced.client : spliced.destination;
    MemoryPeer& other = client_breaks ? spliced.destination : spliced.client;
    breaking.say("some");
    breaking.fail(reset());
    spliced.wait_for_end();
    EXPECT_EQ(spliced.end->cause, client_breaks ? Cause::kClient : Cause::kDestination);
    EXPECT_EQ(spliced.end->detail, "read: reset");
    EXPECT_EQ(other.written, "some");
    EXPECT_TRUE(other.reset);
    EXPECT_FALSE(other.finished);
  }
}

TEST(Splice, AnEndOfTlsThatMayBeACutIsABreak) {
  Spliced spliced;
  spliced.destination.say("half");
  spliced.destination.end(false);
  spliced.wait_for_end();
  EXPECT_EQ(spliced.end->cause, Cause::kDestination);
  EXPECT_TRUE(spliced.client.reset);
  EXPECT_FALSE(spliced.client.finished);
}

// A WebSocket tells by a frame of its own that it is over, and browsers leave close_notify out.
TEST(Splice, WhereTheProtocolInsideSaysWhatIsWholeSuchAnEndIsPassedOn) {
  Splice::Timers timers;
  timers.cuts = Splice::Cuts::kPassOn;
  Spliced spliced(timers);
  spliced.client.say("close frame");
  spliced.client.end(false);
  EXPECT_TRUE(spliced.destination.finished);
  EXPECT_FALSE(spliced.destination.reset);
  spliced.destination.end(true);
  spliced.wait_for_end();
  EXPECT_EQ(spliced.end->cause, Cause::kWhole);
  EXPECT_FALSE(spliced.client.reset);
}

TEST(Splice, WhatWentBeforeABreakGoesOutFirst) {
  Spliced spliced;
  spliced.destination.say("an answer");
  spliced.client.queued = 9;
  spliced.destination.fail(reset());
  test::settle(spliced.loop);
  EXPECT_FALSE(spliced.end);
  EXPECT_TRUE(spliced.client.paused);
  spliced.client.queued = 0;
  spliced.wait_for_end();
  EXPECT_EQ(spliced.end->cause, Cause::kDestination);
}

TEST(Splice, ASideThatBreaksAfterItsEndIsStillABreak) {
  Spliced spliced;
  spliced.client.end(true);
  spliced.client.fail(reset());
  spliced.wait_for_end();
  EXPECT_EQ(spliced.end->cause, Cause::kClient);
  EXPECT_TRUE(spliced.destination.reset);
}

TEST(Splice, WithoutAByteItEnds) {
  Spliced spliced({.idle = 1ms});
  spliced.wait_for_end();
  EXPECT_EQ(spliced.end->cause, Cause::kIdle);
  EXPECT_TRUE(spliced.client.finished);
  EXPECT_TRUE(spliced.destination.finished);
}

TEST(Splice, ASlowReaderIsNotIdle) {
  Spliced spliced({.idle = 1ms});
  spliced.client.queued = 1;
  int looks = 0;
  EXPECT_TRUE(test::run_until(spliced.loop, [&] {
    ++spliced.client.acknowledged;
    return ++looks > 20;
  }));
  EXPECT_FALSE(spliced.end);
  spliced.wait_for_end();
  EXPECT_EQ(spliced.end->cause, Cause::kIdle);
  EXPECT_TRUE(spliced.client.reset);  // it has not taken all
  EXPECT_FALSE(spliced.client.finished);
  EXPECT_TRUE(spliced.destination.finished);
}

TEST(Splice, ItHasATimeInAll) {
  Spliced spliced({.total = 1ms});
  spliced.wait_for_end();
  EXPECT_EQ(spliced.end->cause, Cause::kTotal);
}

TEST(Splice, ClosingEndsBothSides) {
  Spliced spliced;
  spliced.destination.queued = 3;
  spliced.splice.close();
  spliced.splice.close();
  EXPECT_EQ(spliced.overs, 1);
  EXPECT_EQ(spliced.end->cause, Cause::kClosed);
  EXPECT_TRUE(spliced.client.finished);
  EXPECT_FALSE(spliced.destination.finished);
  EXPECT_TRUE(spliced.destination.reset);
}

TEST(Splice, ClosingWhileItBreaksOffTellsTheBreak) {
  Spliced spliced;
  spliced.client.queued = 3;
  spliced.destination.fail(reset());
  spliced.splice.close();
  EXPECT_EQ(spliced.overs, 1);
  EXPECT_EQ(spliced.end->cause, Cause::kDestination);
  EXPECT_TRUE(spliced.client.reset);
  EXPECT_FALSE(spliced.client.finished);
}

// One side of a walk: what it has said, and what the other had taken when it ended.
struct Walker {
  MemoryPeer* peer;
  std::string said;
  bool ended = false;
};

TEST(Splice, RandomWalksLoseNothingAndEndOnce) {
  std::minstd_rand random(6);
  const auto below = [&](unsigned count) { return random() % count; };
  for (int walk = 0; walk < 2000; ++walk) {
    Spliced spliced;
    Walker walkers[] = {{&spliced.client, {}}, {&spliced.destination, {}}};
    for (int step = 0; step < 200 && !spliced.end; ++step) {
      Walker& one = walkers[below(2)];
      Walker& other = one.peer == walkers[0].peer ? walkers[1] : walkers[0];
      switch (below(12)) {
        case 0:
          if (!one.ended && !one.peer->paused) {
            one.peer->end(true);
            one.ended = true;
          }
          break;
        case 1:
          if (below(8) == 0) one.peer->fail(reset());
          break;
        case 2:
          one.peer->queued = limits::kHighWater + 1;
          break;
        case 3:
        case 4:
          if (one.peer->queued > limits::kHighWater) {
            one.peer->queued = 0;
            one.peer->drain();
          }
          break;
        default:
          if (!one.ended && other.peer->sink != nullptr) {
            const std::string word(1 + below(9), static_cast<char>('a' + below(26)));
            const std::string rest = one.peer->say(word, 3);
            one.said += word.substr(0, word.size() - rest.size());
          }
      }
      // Nothing that was taken of a side is kept from the other, but after a break.
      if (one.peer->sink != nullptr && other.peer->sink != nullptr && !one.peer->reset &&
          !other.peer->reset) {
        EXPECT_EQ(other.peer->written, one.said);
        EXPECT_EQ(other.peer->finished, one.ended);
      }
    }
    for (Walker& walker : walkers) walker.peer->queued = 0;
    if (!spliced.end) spliced.splice.close();
    if (!spliced.end) spliced.wait_for_end();
    EXPECT_EQ(spliced.overs, 1);
    if (spliced.end->cause == Cause::kWhole) {
      EXPECT_EQ(walkers[0].said, spliced.destination.written);
      EXPECT_EQ(walkers[1].said, spliced.client.written);
      EXPECT_FALSE(spliced.client.reset || spliced.destination.reset);
    }
  }
}

}  // namespace
}  // namespace culvert
