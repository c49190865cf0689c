// A breaker through its states, by hand and by chance. Time moves by hand.
#include "relay/upstream/breaker.h"

#include "relay/base/random.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace culvert {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class BreakerTest : public testing::Test {
 protected:
  static BreakerSettings settings() {
    BreakerSettings out;
    out.consecutive_failures = 5;
    out.error_percent = 50;
    out.requests_least = 20;
    out.window = seconds(30);
    out.open = seconds(5);
    out.ejected_percent_most = 50;
    return out;
  }
  void fail(int times = 1) {
    for (int i = 0; i < times; ++i) {
      auto pass = breaker_.admit(settings_);
      ASSERT_TRUE(pass);
      pass->failed();
    }
  }
  void succeed() { breaker_.admit(settings_)->succeeded(); }
  bool admits() { return breaker_.admit(settings_).has_value(); }

  FakeClock clock_;
  BreakerSettings settings_ = settings();
  Breaker breaker_{clock_};
};

TEST_F(BreakerTest, OpensAfterFailuresInARow) {
  fail(4);
  succeed();
  fail(4);
  EXPECT_EQ(breaker_.state(), BreakerState::kClosed);
  fail();
  EXPECT_EQ(breaker_.state(), BreakerState::kOpen);
  EXPECT_TRUE(breaker_.refuses(settings_));
  EXPECT_FALSE(admits());
}

TEST_F(BreakerTest, OpensByItsErrorRateOnceThereAreEnoughRequests) {
  settings_.consecutive_failures = 0;
  for (int i = 0; i < 9; ++i) {
    fail();
    succeed();
  }
  EXPECT_EQ(breaker_.state(), BreakerState::kClosed);  // 9 of 18
  succeed();
  fail();
  EXPECT_EQ(breaker_.state(), BreakerState::kOpen);  // 10 of 20
}

TEST_F(BreakerTest, ErrorsOutsideTheWindowDoNotCount) {
  settings_.consecutive_failures = 0;
  fail(19);
  clock_.advance(settings_.window + seconds(4));
  for (int i = 0; i < 11; ++i) succeed();
  fail(9);
  EXPECT_EQ(breaker_.state(), BreakerState::kClosed);
}

TEST_F(BreakerTest, ACheckMayBeTheProbeBeforeTheTimeIsUp) {
  EXPECT_FALSE(breaker_.probe_early(settings_));
  fail(5);
  {
    auto probe = breaker_.probe_early(settings_);
    ASSERT_TRUE(probe && probe->probe());
    EXPECT_FALSE(breaker_.probe_early(settings_));
    clock_.advance(seconds(5));
    EXPECT_FALSE(admits());  // the check has the turn
    probe->failed();
  }
  EXPECT_EQ(breaker_.open_until(), clock_.now() + seconds(10));
  breaker_.probe_early(settings_)->succeeded();
  EXPECT_EQ(breaker_.state(), BreakerState::kClosed);
}

TEST_F(BreakerTest, HalfOpenAdmitsOne) {
  fail(5);
  clock_.advance(seconds(5));
  EXPECT_EQ(breaker_.state(), BreakerState::kHalfOpen);
  EXPECT_FALSE(breaker_.refuses(settings_));
  auto probe = breaker_.admit(settings_);
  ASSERT_TRUE(probe && probe->probe());
  EXPECT_TRUE(breaker_.refuses(settings_));
  EXPECT_FALSE(admits());
  probe->succeeded();
  EXPECT_EQ(breaker_.state(), BreakerState::kClosed);
  EXPECT_TRUE(admits());
}

TEST_F(BreakerTest, AProbeThatEndsWithoutAWordPassesItsTurnOn) {
  fail(5);
  clock_.advance(seconds(5));
  { const auto probe = breaker_.admit(settings_); }
  EXPECT_TRUE(admits());
}

TEST_F(BreakerTest, FailedProbesDoubleTheTimeUpTo16Fold) {
  fail(5);
  for (const int expected : {5, 10, 20, 40, 80, 80}) {
    clock_.advance(seconds(expected) - milliseconds(1));
    EXPECT_FALSE(admits()) << expected;
    clock_.advance(milliseconds(1));
    fail();
  }
}

TEST_F(BreakerTest, FailingAgainSoonAfterGoesOnDoubling) {
  fail(5);
  clock_.advance(seconds(5));
  succeed();
  fail(5);
  clock_.advance(seconds(9));
  EXPECT_FALSE(admits());
  clock_.advance(seconds(1));
  succeed();
  clock_.advance(settings_.window);
  fail(5);
  clock_.advance(seconds(5));
  EXPECT_TRUE(admits());
}

TEST_F(BreakerTest, WhatBeganBeforeItOpenedSaysNothingAfterwards) {
  auto early = breaker_.admit(settings_);
  auto other = breaker_.admit(settings_);
  fail(5);
  early->succeeded();
  EXPECT_EQ(breaker_.state(), BreakerState::kOpen);
  clock_.advance(seconds(5));
  succeed();
  other->failed();
  EXPECT_EQ(breaker_.consecutive_failures(), 0U);
}

TEST_F(BreakerTest, AForcedPassClosesItAndDoesNotProlongIt) {
  fail(5);
  const Instant until = breaker_.open_until();
  clock_.advance(seconds(1));
  breaker_.force(settings_).failed();
  EXPECT_EQ(breaker_.open_until(), until);
  breaker_.force(settings_).succeeded();
  EXPECT_EQ(breaker_.state(), BreakerState::kClosed);
}

TEST_F(BreakerTest, SwitchedOffItAdmitsAll) {
  fail(5);
  settings_.on = false;
  EXPECT_FALSE(breaker_.refuses(settings_));
  fail(100);
}

TEST_F(BreakerTest, CountsWhatIsInFlight) {
  {
    auto first = breaker_.admit(settings_);
    auto second = breaker_.admit(settings_);
    first = std::move(second);
    EXPECT_EQ(breaker_.in_flight(), 2);
  }
  EXPECT_EQ(breaker_.in_flight(), 0);
}

// Whatever happens, there is one probe at most, and never one before the time.
TEST_F(BreakerTest, AnyOrderOfEventsAdmitsOneProbeAtATime) {
  SeededRandom random(7);
  std::vector<Breaker::Pass> held;
  for (int step = 0; step < 200000; ++step) {
    clock_.advance(milliseconds(random.below(200)));
    const BreakerState before = breaker_.state();
    if (auto pass = breaker_.admit(settings_); pass && held.size() < 50) {
      if (before != BreakerState::kClosed) {
        ASSERT_EQ(before, BreakerState::kHalfOpen);
        ASSERT_TRUE(pass->probe());
        // All that began before it opened may still be there; of this opening it is the only one.
        ASSERT_TRUE(breaker_.refuses(settings_));
        ASSERT_FALSE(breaker_.admit(settings_));
      }
      held.push_back(std::move(*pass));
    }
    if (held.empty()) continue;
    const size_t index = random.below(held.size());
    if (const uint64_t how = random.below(10); how < 4) {
      held[index].failed();
    } else if (how < 8) {
      held[index].succeeded();
    }
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(index));
  }
}

TEST_F(BreakerTest, ThreadsFindOneProbeAmongThem) {
  fail(5);
  clock_.advance(seconds(5));
  std::atomic<int> probes{0};
  std::atomic<int> tried{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      auto pass = breaker_.admit(settings_);
      if (pass) probes.fetch_add(1);
      tried.fetch_add(1);
      while (tried.load() < 4) std::this_thread::yield();  // nobody leaves before all have asked
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(probes.load(), 1);
}

// Five answers of 500 and five refused connections open it alike; only behind the latter is nobody.
TEST_F(BreakerTest, IsDeadWhereNothingConnects) {
  const auto fail_to_connect = [this] { breaker_.force(settings_).failed(true); };
  for (int i = 0; i < 4; ++i) fail_to_connect();
  EXPECT_FALSE(breaker_.dead(settings_));
  fail_to_connect();
  EXPECT_TRUE(breaker_.dead(settings_));
  clock_.advance(seconds(5));
  breaker_.admit(settings_)->failed(true);  // its probe
  EXPECT_TRUE(breaker_.dead(settings_));
  clock_.advance(seconds(10));
  breaker_.admit(settings_)->failed(false);  // somebody is there again
  EXPECT_EQ(breaker_.state(), BreakerState::kOpen);
  EXPECT_FALSE(breaker_.dead(settings_));
  breaker_.force(settings_).succeeded();
  EXPECT_FALSE(breaker_.dead(settings_));
  settings_.consecutive_failures = 0;  // by the share alone
  for (int i = 0; i < 30; ++i) fail_to_connect();
  EXPECT_EQ(breaker_.state(), BreakerState::kOpen);
  EXPECT_TRUE(breaker_.dead(settings_));
}

TEST_F(BreakerTest, OneThatAnswersIllIsNotDead) {
  fail(5);
  EXPECT_EQ(breaker_.state(), BreakerState::kOpen);
  EXPECT_FALSE(breaker_.dead(settings_));
}

TEST_F(BreakerTest, ThreadsMayDoAllAtOnce) {
  std::vector<std::thread> threads;
  for (uint64_t t = 1; t <= 4; ++t) {
    threads.emplace_back([&, t] {
      SeededRandom random(t);
      for (int i = 0; i < 20000; ++i) {
        auto pass = breaker_.admit(settings_);
        if (!pass) pass = breaker_.force(settings_);
        random.below(3) == 0 ? pass->succeeded() : pass->failed();
        (void)breaker_.state();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(breaker_.in_flight(), 0);
}

}  // namespace
}  // namespace culvert
