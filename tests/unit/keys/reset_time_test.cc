// When quotas begin anew.
#include "relay/keys/reset_time.h"

#include "relay/keys/retry_hints.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

WallTime at(const char* text) { return *parse_rfc3339(text); }

std::string pacific_midnight(const char* now) {
  return rfc3339(at(now) +
                 std::chrono::duration_cast<WallTime::duration>(until_pacific_midnight(at(now))));
}

TEST(ResetTime, CaliforniasMidnightInWinterAndSummer) {
  EXPECT_EQ(pacific_midnight("2026-01-15T12:00:00Z"), "2026-01-16T08:00:00.000Z");
  EXPECT_EQ(pacific_midnight("2026-01-15T07:59:59Z"), "2026-01-15T08:00:00.000Z");
  EXPECT_EQ(pacific_midnight("2026-01-15T08:00:00Z"), "2026-01-16T08:00:00.000Z");
  EXPECT_EQ(pacific_midnight("2026-07-15T12:00:00Z"), "2026-07-16T07:00:00.000Z");
  EXPECT_EQ(pacific_midnight("2026-07-15T06:59:59Z"), "2026-07-15T07:00:00.000Z");
}

// 2026: 8 March and 1 November.
TEST(ResetTime, AroundTheChangeOfTheClocks) {
  EXPECT_EQ(pacific_midnight("2026-03-08T07:00:00Z"), "2026-03-08T08:00:00.000Z");
  EXPECT_EQ(pacific_midnight("2026-03-08T09:00:00Z"), "2026-03-09T07:00:00.000Z");
  EXPECT_EQ(pacific_midnight("2026-03-08T20:00:00Z"), "2026-03-09T07:00:00.000Z");
  EXPECT_EQ(pacific_midnight("2026-11-01T06:30:00Z"), "2026-11-01T07:00:00.000Z");
  EXPECT_EQ(pacific_midnight("2026-11-01T08:00:00Z"), "2026-11-02T08:00:00.000Z");
  EXPECT_EQ(pacific_midnight("2026-11-01T23:00:00Z"), "2026-11-02T08:00:00.000Z");
}

TEST(ResetTime, UtcMidnight) {
  EXPECT_EQ(until_utc_midnight(at("2026-01-15T18:00:00Z")), hours(6));
  EXPECT_EQ(until_utc_midnight(at("2026-01-15T00:00:00Z")), hours(24));
}

TEST(ResetTime, WaitsInSentences) {
  EXPECT_EQ(told_wait("rate limit reached. please try again in 6m0s. contact us"), minutes(6));
  EXPECT_EQ(told_wait("please try again in 20ms."), milliseconds(20));
  EXPECT_EQ(told_wait("please retry in 34.5s."), milliseconds(34500));
  EXPECT_EQ(told_wait("retry after 30 seconds, or later"), seconds(30));
  EXPECT_EQ(told_wait("try again in 2 minutes"), minutes(2));
  EXPECT_EQ(told_wait("try again in about 1 hour."), hours(1));
  EXPECT_EQ(told_wait("your quota will reset after 3 days"), std::nullopt);
  EXPECT_EQ(told_wait("try again in a while"), std::nullopt);
  EXPECT_EQ(told_wait("try again in "), std::nullopt);
  EXPECT_EQ(told_wait(""), std::nullopt);
}

TEST(ResetTime, DatesInSentences) {
  const WallTime now = at("2026-01-15T12:00:00Z");
  EXPECT_EQ(told_date("you will regain access on 2026-02-01 at 00:00 utc.", now),
            at("2026-02-01T00:00:00Z"));
  EXPECT_EQ(told_date("until 2026-01-16t08:30:00z.", now), at("2026-01-16T08:30:00Z"));
  EXPECT_EQ(told_date("resets 2026-01-16 09:15", now), at("2026-01-16T09:15:00Z"));
  EXPECT_EQ(told_date("resets on 2026-01-20", now), at("2026-01-20T00:00:00Z"));
  EXPECT_EQ(told_date("model gpt-4-2024-01-01: limit 20, resets 2026-01-20.", now),
            at("2026-01-20T00:00:00Z"));
  EXPECT_EQ(told_date("since 2025-01-20", now), std::nullopt);
  EXPECT_EQ(told_date("used 2026 of 2000", now), std::nullopt);
  EXPECT_EQ(told_date("20", now), std::nullopt);
}

}  // namespace
}  // namespace culvert
