// When checks are due. Time and chance are the test's.
#include "relay/upstream/check_schedule.h"

#include <gtest/gtest.h>

#include <set>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Instant kNow{hours(1)};
constexpr Duration kInterval = minutes(5);

TEST(CheckSchedule, FirstChecksAreSpreadOverTheInterval) {
  SeededRandom random(3);
  std::set<int64_t> tenths;
  for (int i = 0; i < 1000; ++i) {
    const Duration pause = first_check(kNow, kInterval, random) - kNow;
    EXPECT_GE(pause, kInterval / 10);
    EXPECT_LE(pause, kInterval);
    tenths.insert(std::min<int64_t>(pause / (kInterval / 10), 9));
  }
  EXPECT_EQ(tenths.size(), 9U);
}

TEST(CheckSchedule, LaterOnesKeepTheIntervalByATenth) {
  SeededRandom random(4);
  std::set<Instant> different;
  for (int i = 0; i < 1000; ++i) {
    const Instant at = next_check(kNow, kInterval, 0, random);
    EXPECT_GE(at - kNow, kInterval / 10 * 9);
    EXPECT_LE(at - kNow, kInterval / 10 * 11);
    different.insert(at);
  }
  EXPECT_GT(different.size(), 990U);
}

TEST(CheckSchedule, FailuresAreCheckedSoonForAWhile) {
  SeededRandom random(5);
  for (uint32_t ill = 1; ill < kQuickChecks; ++ill) {
    EXPECT_LE(next_check(kNow, kInterval, ill, random) - kNow, milliseconds(5500));
    EXPECT_GE(next_check(kNow, seconds(5), ill, random) - kNow, milliseconds(900));
  }
  EXPECT_GE(next_check(kNow, kInterval, kQuickChecks, random) - kNow, kInterval / 10 * 9);
}

TEST(CheckSchedule, WithAClosedBreakerOnlyTimeCounts) {
  const CheckTurn turn{.at = kNow, .checked = kNow - kInterval, .ill = true};
  EXPECT_EQ(check_due(turn, {}, std::nullopt, kNow - seconds(1)), CheckDue::kNothing);
  EXPECT_EQ(check_due(turn, {}, std::nullopt, kNow), CheckDue::kCheck);
}

TEST(CheckSchedule, ABreakerThatRequestsOpenedIsLookedAtOnce) {
  CheckTurn turn{.at = kNow + minutes(3), .checked = kNow - minutes(2), .ill = false};
  const BreakerView open{.open = true, .since = kNow - seconds(1), .until = kNow + seconds(4)};
  EXPECT_EQ(check_due(turn, open, std::nullopt, kNow), CheckDue::kLook);
  turn.checked = kNow;
  EXPECT_EQ(check_due(turn, open, std::nullopt, kNow), CheckDue::kNothing);
  // It answered: that it is well again is for requests to find.
  EXPECT_EQ(check_due(turn, open, std::nullopt, kNow + seconds(30)), CheckDue::kNothing);
}

TEST(CheckSchedule, AnOutageThatACheckSawIsProbedBeforeARequestWould) {
  const CheckTurn turn{.at = kNow + minutes(3), .checked = kNow, .ill = true};
  const BreakerView open{.open = true, .since = kNow, .until = kNow + seconds(5)};
  EXPECT_EQ(check_due(turn, open, std::nullopt, kNow + seconds(2)), CheckDue::kNothing);
  EXPECT_EQ(check_due(turn, open, std::nullopt, kNow + seconds(3)), CheckDue::kProbe);
  EXPECT_EQ(check_due(turn, open, std::nullopt, kNow + minutes(10)), CheckDue::kProbe);
}

TEST(CheckSchedule, AWayThatRestedIsTriedBeforeARequestWould) {
  const CheckTurn turn{.at = kNow + minutes(3), .checked = kNow - minutes(2), .ill = false};
  const Instant rested = kNow + seconds(30);
  EXPECT_EQ(check_due(turn, {}, rested, kNow + seconds(27)), CheckDue::kNothing);
  EXPECT_EQ(check_due(turn, {}, rested, kNow + seconds(28)), CheckDue::kWay);
  EXPECT_EQ(check_due(turn, {}, rested, kNow + minutes(3)), CheckDue::kCheck);
  // Of a target that is left alone, its own probe tells.
  const BreakerView open{.open = true, .since = kNow - minutes(3), .until = kNow + minutes(5)};
  EXPECT_EQ(check_due(turn, open, rested, kNow + seconds(28)), CheckDue::kNothing);
}

TEST(CheckSchedule, ABreakerThatIsOffIsNone) {
  FakeClock clock;
  Breaker breaker(clock);
  BreakerSettings settings;
  settings.consecutive_failures = 1;
  settings.open = seconds(5);
  breaker.force(settings).failed();
  EXPECT_TRUE(view_of(breaker, settings).open);
  EXPECT_EQ(view_of(breaker, settings).until, clock.now() + seconds(5));
  settings.on = false;
  EXPECT_FALSE(view_of(breaker, settings).open);
}

}  // namespace
}  // namespace culvert
