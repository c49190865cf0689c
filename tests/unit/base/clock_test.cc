// Clocks: the fake one moves by hand alone, the machine's never goes back, and dates are RFC 3339.
#include "relay/base/clock.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using namespace std::chrono_literals;

TEST(Clock, WritesADateOfHttp) {
  FakeClock clock;
  EXPECT_EQ(http_date(clock.wall()), "Thu, 01 Jan 2026 00:00:00 GMT");
  clock.advance(std::chrono::hours(24 * 45) + std::chrono::seconds(3661));
  EXPECT_EQ(http_date(clock.wall()), "Sun, 15 Feb 2026 01:01:01 GMT");
  clock.advance(999ms);
  EXPECT_EQ(http_date(clock.wall()), "Sun, 15 Feb 2026 01:01:01 GMT");
  clock.advance(1ms);
  EXPECT_EQ(http_date(clock.wall()), "Sun, 15 Feb 2026 01:01:02 GMT");
}

TEST(FakeClock, StandsUntilItIsMoved) {
  FakeClock clock;
  const Instant start = clock.now();
  const WallTime wall = clock.wall();
  EXPECT_EQ(clock.now(), start);
  clock.advance(1500ms);
  EXPECT_EQ(clock.now() - start, 1500ms);
  EXPECT_EQ(clock.wall() - wall, 1500ms);
}

TEST(SystemClock, NeverGoesBack) {
  const Clock& clock = Clock::system();
  Instant last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const Instant next = clock.now();
    ASSERT_GE(next, last);
    last = next;
  }
  EXPECT_GT(clock.wall(), WallTime(std::chrono::sys_days(std::chrono::year(2020) / 1 / 1)));
}

TEST(Rfc3339, IsUtcWithMilliseconds) {
  const WallTime day = std::chrono::sys_days(std::chrono::year(2026) / 2 / 3);
  EXPECT_EQ(rfc3339(day), "2026-02-03T00:00:00.000Z");
  EXPECT_EQ(rfc3339(day + 4h + 5min + 6s + 7ms), "2026-02-03T04:05:06.007Z");
  EXPECT_EQ(rfc3339(day + 999999us), "2026-02-03T00:00:00.999Z");
  EXPECT_EQ(rfc3339(day - 1us), "2026-02-02T23:59:59.999Z");
  EXPECT_EQ(rfc3339(WallTime{} - 1ms), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339(WallTime{}), "1970-01-01T00:00:00.000Z");
}

TEST(Durations, AreToldInTheUnitThatIsNamed) {
  EXPECT_DOUBLE_EQ(milliseconds(1500us), 1.5);
  EXPECT_DOUBLE_EQ(seconds(1500ms), 1.5);
  EXPECT_DOUBLE_EQ(seconds(Duration::zero()), 0.0);
}

}  // namespace
}  // namespace culvert
