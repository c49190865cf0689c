// A sum that forgets: never early, at the most one bucket late.
#include "relay/keys/rolling_count.h"

#include "relay/base/random.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(RollingCount, ForgetsWhatHasPassed) {
  RollingCount count(seconds(2), 30);
  const Instant start{hours(1)};
  count.add(5, start);
  count.add(3, start + seconds(30));
  EXPECT_EQ(count.total(start + seconds(60)), 8U);
  EXPECT_EQ(count.total(start + seconds(62)), 3U);
  EXPECT_EQ(count.total(start + seconds(92)), 0U);
  EXPECT_EQ(count.total(start + hours(100)), 0U);
}

TEST(RollingCount, TellsWhenThereIsRoom) {
  RollingCount count(seconds(2), 30);
  const Instant start{hours(1)};
  EXPECT_EQ(count.below(1, start), start);
  count.add(5, start);
  count.add(3, start + seconds(30));
  const Instant now = start + seconds(31);
  EXPECT_EQ(count.below(9, now), now);
  EXPECT_EQ(count.below(8, now), start + seconds(62));
  EXPECT_EQ(count.below(4, now), start + seconds(62));
  EXPECT_EQ(count.below(3, now), start + seconds(92));
  EXPECT_EQ(count.below(1, now), start + seconds(92));
}

TEST(RollingCount, TimeThatGoesBackChangesNothing) {
  RollingCount count(seconds(2), 30);
  const Instant start{hours(1)};
  count.add(5, start + seconds(10));
  count.add(1, start);
  EXPECT_EQ(count.total(start + seconds(11)), 6U);
}

// Against a list of all that was counted.
TEST(RollingCount, IsNeverLessThanTheWindowHolds) {
  SeededRandom random(7);
  RollingCount count(seconds(2), 30);
  std::deque<std::pair<Instant, uint64_t>> all;
  Instant now{hours(1)};
  const auto within = [&](Duration window) {
    uint64_t sum = 0;
    for (const auto& [at, amount] : all) sum += now - at < window ? amount : 0;
    return sum;
  };
  for (int i = 0; i < 5000; ++i) {
    now += std::chrono::milliseconds(random.below(i % 100 == 0 ? 90000 : 1500));
    const uint64_t amount = random.below(20);
    count.add(amount, now);
    all.emplace_back(now, amount);
    const uint64_t total = count.total(now);
    ASSERT_GE(total, within(seconds(60)));
    ASSERT_LE(total, within(seconds(62)));
    const uint64_t limit = 1 + random.below(200);
    const Instant room = count.below(limit, now);
    RollingCount later = count;
    ASSERT_LT(later.total(room), std::max<uint64_t>(limit, 1));
    if (room > now) {
      RollingCount before = count;
      ASSERT_GE(before.total(room - seconds(1)), limit);
    }
  }
}

}  // namespace
}  // namespace culvert
