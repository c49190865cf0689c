// Moments and spans in every form that is taken, and what is none.
#include "control/cli/times.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + hours(9);

std::string moment(std::string_view text) {
  const auto time = parse_moment(text, kNow);
  return time ? rfc3339_seconds(*time) : "none";
}

TEST(ParseSpan, TakesDaysAndWeeksToo) {
  EXPECT_EQ(parse_span("90s"), seconds(90));
  EXPECT_EQ(parse_span("7d"), hours(168));
  EXPECT_EQ(parse_span("2w"), hours(336));
  for (const char* text : {"", "d", "0d", "0s", "-1d", "1.5d", "7 d", "7D", "99999999d", "1y"}) {
    EXPECT_FALSE(parse_span(text)) << text;
  }
}

TEST(ParseMoment, TakesEachForm) {
  EXPECT_EQ(moment("now"), "2026-11-21T09:00:00Z");
  EXPECT_EQ(moment("today"), "2026-11-21T00:00:00Z");
  EXPECT_EQ(moment("24h"), "2026-11-20T09:00:00Z");
  EXPECT_EQ(moment("7d"), "2026-11-14T09:00:00Z");
  EXPECT_EQ(moment("2026-02-28"), "2026-02-28T00:00:00Z");
  EXPECT_EQ(moment("2026-11-21T08:30:00Z"), "2026-11-21T08:30:00Z");
  EXPECT_EQ(moment("2026-11-21T08:30:00.123456+01:30"), "2026-11-21T07:00:00Z");
  EXPECT_EQ(moment("2026-11-21 08:30:00-02:00"), "2026-11-21T10:30:00Z");
}

TEST(ParseMoment, RefusesWhatIsNone) {
  for (const char* text :
       {"", "yesterday", "2026-02-30", "2026-13-01", "26-01-01", "2026-11-21T25:00:00Z",
        "2026-11-21T08:30:00", "2026-11-21T08:30Z", "2026-11-21T08:30:00Zx", "2026-11-21x"}) {
    EXPECT_EQ(moment(text), "none") << text;
  }
}

TEST(Timestamps, GoBothWaysAndHaveBounds) {
  EXPECT_EQ(from_proto(to_proto(kNow)), kNow);
  google::protobuf::Timestamp time;
  time.set_seconds(INT64_MAX);
  EXPECT_EQ(rfc3339_seconds(from_proto(time)).substr(0, 1), "2");  // a year that can be written
  time.set_seconds(-5);
  EXPECT_EQ(rfc3339_seconds(from_proto(time)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(shown_time(false, time), "-");
}

TEST(ShownSpan, HasTwoUnitsAtMost) {
  EXPECT_EQ(shown_span(std::chrono::milliseconds(900)), "now");
  EXPECT_EQ(shown_span(seconds(-5)), "now");
  EXPECT_EQ(shown_span(seconds(4)), "4s");
  EXPECT_EQ(shown_span(seconds(192)), "3m12s");
  EXPECT_EQ(shown_span(minutes(125)), "2h5m");
  EXPECT_EQ(shown_span(hours(24 * 12 + 5)), "12d");
  EXPECT_EQ(shown_span(hours(24) + seconds(5)), "1d");
}

}  // namespace
}  // namespace culvert::cli
