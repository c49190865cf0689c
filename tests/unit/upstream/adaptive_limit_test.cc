// The limit of what runs at once, falling and growing. Time moves by hand.
#include "relay/upstream/adaptive_limit.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class AdaptiveLimitTest : public testing::Test {
 protected:
  static ConcurrencySettings settings() {
    ConcurrencySettings out;
    out.most = 1000;
    out.least = 8;
    return out;
  }
  void overloaded(uint32_t used) {
    clock_.advance(seconds(1));
    limit_.overloaded(clock_.now(), clock_.now(), used, settings_);
  }
  uint32_t now() const { return limit_.limit(settings_); }

  FakeClock clock_;
  ConcurrencySettings settings_ = settings();
  AdaptiveLimit limit_;
};

TEST_F(AdaptiveLimitTest, BeginsAtTheMost) { EXPECT_EQ(now(), 1000U); }

TEST_F(AdaptiveLimitTest, FallsBelowWhatWasRunning) {
  overloaded(100);
  EXPECT_EQ(now(), 70U);
  overloaded(70);
  EXPECT_EQ(now(), 49U);
}

TEST_F(AdaptiveLimitTest, ABurstOfRefusalsIsOneSign) {
  overloaded(100);
  for (int i = 0; i < 50; ++i) limit_.overloaded(clock_.now(), clock_.now(), 70, settings_);
  EXPECT_EQ(now(), 70U);
  const Instant before = clock_.now() - milliseconds(1);
  clock_.advance(seconds(2));
  limit_.overloaded(clock_.now(), before, 70, settings_);  // it was sent before the fall
  EXPECT_EQ(now(), 70U);
}

TEST_F(AdaptiveLimitTest, SingleRefusalsAmongGoodAnswersAreNoise) {
  for (int i = 0; i < 2000; ++i) {
    clock_.advance(milliseconds(10));
    limit_.good(clock_.now(), false, settings_);
    if (i % 50 == 49) limit_.overloaded(clock_.now(), clock_.now(), 100, settings_);
  }
  EXPECT_EQ(now(), 1000U);
}

TEST_F(AdaptiveLimitTest, StaysWithinItsBounds) {
  for (int i = 0; i < 30; ++i) overloaded(now());
  EXPECT_EQ(now(), 8U);
  for (int i = 0; i < 2'000'000; ++i) limit_.good(clock_.now(), true, settings_);
  EXPECT_EQ(now(), 1000U);
}

TEST_F(AdaptiveLimitTest, GrowsOnlyWhileItIsUsedFully) {
  overloaded(100);
  for (int i = 0; i < 10000; ++i) limit_.good(clock_.now(), false, settings_);
  EXPECT_EQ(now(), 70U);
}

TEST_F(AdaptiveLimitTest, IsForgottenWhereItIsNotReached) {
  overloaded(100);
  clock_.advance(seconds(59));
  limit_.good(clock_.now(), false, settings_);
  EXPECT_EQ(now(), 70U);
  clock_.advance(seconds(1));
  limit_.good(clock_.now(), true, settings_);
  EXPECT_LT(now(), 80U);
  limit_.good(clock_.now(), false, settings_);
  EXPECT_EQ(now(), 1000U);
}

TEST_F(AdaptiveLimitTest, ComesBackInAFewRoundsAndThenGrowsByOne) {
  overloaded(200);
  overloaded(140);
  overloaded(98);
  EXPECT_EQ(now(), 68U);
  int rounds = 0;
  for (; now() < 200 && rounds < 100; ++rounds) {
    for (uint32_t i = now(); i > 0; --i) limit_.good(clock_.now(), true, settings_);
  }
  EXPECT_LE(rounds, 12);
  const uint32_t there = now();
  for (uint32_t i = there; i > 0; --i) limit_.good(clock_.now(), true, settings_);
  EXPECT_LE(now(), there + 1);
}

TEST_F(AdaptiveLimitTest, FixedDoesNotMove) {
  settings_.fixed = true;
  overloaded(100);
  EXPECT_EQ(now(), 1000U);
}

}  // namespace
}  // namespace culvert
