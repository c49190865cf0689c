// The limits of one key, and what the pool does with keys that have none left.
#include "relay/keys/key_meter.h"

#include "relay/keys/key_ring.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class KeyMeterTest : public testing::Test {
 protected:
  std::shared_ptr<const KeyPoolState> pool(KeyLimits limits, size_t keys = 2) {
    KeyPool spec;
    spec.name = "limited";
    spec.upstream = "openai";
    spec.rest = seconds(60);
    spec.isolation = minutes(10);
    spec.limits = limits;
    for (size_t i = 0; i < keys; ++i) spec.keys.emplace_back("sk-key-" + std::to_string(1000 + i));
    return ring_.pool(spec);
  }
  static size_t served(const std::shared_ptr<const KeyPoolState>& from) {
    size_t count = 0;
    while (from->choose({}, {})) ++count;
    return count;
  }

  FakeClock clock_;
  SeededRandom random_{42};
  KeyRing ring_{clock_, random_};
};

TEST_F(KeyMeterTest, WithoutLimitsNothingIsCounted) {
  KeyMeter meter;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(meter.reserve({1, 1, 1, 1}, clock_.now()));
}

TEST_F(KeyMeterTest, RequestsOfAMinute) {
  KeyMeter meter;
  meter.begin();
  const KeyLimits limits{3, 0, 0, 0};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(meter.reserve(limits, clock_.now()));
  const auto room = meter.reserve(limits, clock_.now());
  ASSERT_TRUE(room);
  EXPECT_EQ(*room, clock_.now() + seconds(62));
  EXPECT_FALSE(meter.reserve(limits, *room));
}

TEST_F(KeyMeterTest, TokensCountOnceTheyAreKnown) {
  KeyMeter meter;
  meter.begin();
  const KeyLimits limits{0, 1000, 0, 0};
  EXPECT_FALSE(meter.reserve(limits, clock_.now()));
  EXPECT_FALSE(meter.reserve(limits, clock_.now()));
  meter.add_tokens(999, clock_.now());
  EXPECT_FALSE(meter.reserve(limits, clock_.now()));
  meter.add_tokens(500, clock_.now());
  EXPECT_TRUE(meter.reserve(limits, clock_.now()));
}

TEST_F(KeyMeterTest, TheLimitThatIsFreeLastCounts) {
  KeyMeter meter;
  meter.begin();
  const KeyLimits limits{1, 0, 2, 0};
  EXPECT_FALSE(meter.reserve(limits, clock_.now()));
  clock_.advance(minutes(2));
  EXPECT_FALSE(meter.reserve(limits, clock_.now()));
  const auto room = meter.reserve(limits, clock_.now());
  ASSERT_TRUE(room);
  EXPECT_GT(*room, clock_.now() + hours(23));
  EXPECT_LE(*room, clock_.now() + hours(24) + minutes(30));
}

TEST_F(KeyMeterTest, AUsedUpKeyIsPassedOver) {
  const auto keys = pool({2, 0, 0, 0});
  std::map<size_t, int> share;
  for (int i = 0; i < 4; ++i) {
    auto lease = keys->choose({}, {});
    ASSERT_TRUE(lease);
    ++share[lease->index()];
  }
  EXPECT_EQ(share, (std::map<size_t, int>{{0, 2}, {1, 2}}));
  const auto none = keys->choose({}, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kKeysRateLimited);
  EXPECT_GE(none.error().retry_after, 58);
  EXPECT_LE(none.error().retry_after, 62);
  // Its own limit says nothing about the key.
  EXPECT_EQ(keys->health(0), KeyHealth::kReady);
  clock_.advance(seconds(62));
  EXPECT_EQ(served(keys), 4U);
}

TEST_F(KeyMeterTest, LeasesReportTokens) {
  const auto keys = pool({0, 100, 0, 0}, 1);
  keys->choose({}, {})->count_tokens(100);
  EXPECT_FALSE(keys->choose({}, {}));
  clock_.advance(seconds(62));
  EXPECT_TRUE(keys->choose({}, {}));
}

TEST_F(KeyMeterTest, WhatWasUsedSurvivesAReload) {
  auto before = pool({5, 0, 0, 0}, 1);
  EXPECT_EQ(served(before), 5U);
  const auto after = pool({7, 0, 0, 0}, 1);
  before.reset();
  EXPECT_EQ(served(after), 2U);
}

TEST_F(KeyMeterTest, ARestAndAUsedUpLimitTogetherAreRateLimited) {
  const auto keys = pool({1, 0, 0, 0});
  keys->choose({}, {})->report(KeyVerdict::kRateLimited, seconds(5));
  auto held = keys->choose({}, {});
  ASSERT_TRUE(held);
  const auto none = keys->choose({}, {});
  EXPECT_EQ(none.error().code, Code::kKeysRateLimited);
  // The one that rests has used its only request of this minute too.
  EXPECT_GE(none.error().retry_after, 5);
}

TEST_F(KeyMeterTest, AnIsolatedKeyWithoutRoomIsNotHeldAsTested) {
  const auto keys = pool({1, 0, 0, 0}, 1);
  keys->choose({}, {})->report(KeyVerdict::kRefused);
  clock_.advance(minutes(10));
  { const auto test = keys->choose({}, {}); }
  EXPECT_FALSE(keys->choose({}, {}));
  clock_.advance(seconds(62));
  EXPECT_TRUE(keys->choose({}, {}));
}

TEST_F(KeyMeterTest, ThreadsTogetherKeepTheLimit) {
  const auto keys = pool({100, 0, 0, 0}, 4);
  std::atomic<size_t> all{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { all += served(keys); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(all.load(), 400U);
}

}  // namespace
}  // namespace culvert
