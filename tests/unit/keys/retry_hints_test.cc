// Each vendor's words for "later", and what is none.
#include "relay/keys/retry_hints.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1) + hours(12);

std::optional<Duration> wait(const std::vector<std::pair<std::string, std::string>>& fields,
                             std::string_view body = {}) {
  Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return retry_wait(headers, body, kNow);
}

TEST(RetryWait, NothingSaidIsNothing) {
  EXPECT_FALSE(wait({}));
  EXPECT_FALSE(wait({{"Retry-After", "soon"}}));
  EXPECT_FALSE(wait({{"Retry-After", "-5"}}));
  EXPECT_FALSE(wait({{"Retry-After", ""}}));
  EXPECT_FALSE(wait({{"Retry-After", "1e9"}}));
  EXPECT_FALSE(wait({{"Retry-After", "nan"}}));
}

TEST(RetryWait, RetryAfterInSeconds) {
  EXPECT_EQ(wait({{"retry-after", "7"}}), seconds(7));
  EXPECT_EQ(wait({{"Retry-After", " 1.5 "}}), milliseconds(1500));
  EXPECT_EQ(wait({{"Retry-After", "0"}}), seconds(0));
  EXPECT_EQ(wait({{"Retry-After", "99999999999999999999"}}), hours(24 * 30));
}

TEST(RetryWait, RetryAfterAsADate) {
  EXPECT_EQ(wait({{"Retry-After", "Thu, 01 Jan 2026 12:00:30 GMT"}}), seconds(30));
  EXPECT_EQ(wait({{"Retry-After", "Thu, 01 Jan 2026 11:00:00 GMT"}}), seconds(0));
}

// Nanoseconds since 1970 do not fit beyond 2262.
TEST(RetryWait, ADateFarOffIsFarOffAndNotInThePast) {
  EXPECT_EQ(wait({{"Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"}}), hours(24 * 30));
  EXPECT_EQ(wait({{"anthropic-ratelimit-tokens-remaining", "0"},
                  {"anthropic-ratelimit-tokens-reset", "9999-12-31T23:59:59Z"}}),
            hours(24 * 30));
  EXPECT_EQ(wait({{"Retry-After", "Mon, 01 Jan 0001 00:00:00 GMT"}}), seconds(0));
  EXPECT_EQ(wait({{"Retry-After", "Thu, 29 Feb 9999 00:00:00 GMT"}}), std::nullopt);
}

TEST(RetryWait, MillisecondsWin) {
  EXPECT_EQ(wait({{"retry-after-ms", "250"}, {"retry-after", "7"}}), milliseconds(250));
  EXPECT_EQ(wait({{"retry-after-ms", "x"}, {"retry-after", "7"}}), seconds(7));
}

TEST(RetryWait, OpenAiLimitsThatRanOut) {
  EXPECT_EQ(wait({{"x-ratelimit-remaining-requests", "0"},
                  {"x-ratelimit-reset-requests", "1s"},
                  {"x-ratelimit-remaining-tokens", "100"},
                  {"x-ratelimit-reset-tokens", "6m0s"}}),
            seconds(1));
  EXPECT_EQ(wait({{"x-ratelimit-remaining-requests", "0"},
                  {"x-ratelimit-reset-requests", "20ms"},
                  {"x-ratelimit-remaining-tokens", "0"},
                  {"x-ratelimit-reset-tokens", "6m0s"}}),
            minutes(6));
}

TEST(RetryWait, WhereNoneRanOutTheFirstThatComesBack) {
  EXPECT_EQ(wait({{"x-ratelimit-remaining-requests", "9"},
                  {"x-ratelimit-reset-requests", "1m"},
                  {"x-ratelimit-remaining-tokens", "5"},
                  {"x-ratelimit-reset-tokens", "2s"}}),
            seconds(2));
  EXPECT_EQ(wait({{"x-ratelimit-reset-tokens", "7.66s"}}), milliseconds(7660));
}

TEST(RetryWait, AnthropicResets) {
  EXPECT_EQ(wait({{"anthropic-ratelimit-input-tokens-remaining", "0"},
                  {"anthropic-ratelimit-input-tokens-reset", "2026-01-01T12:00:45Z"},
                  {"anthropic-ratelimit-requests-remaining", "10"},
                  {"anthropic-ratelimit-requests-reset", "2026-01-01T12:00:01Z"}}),
            seconds(45));
  EXPECT_EQ(wait({{"anthropic-ratelimit-requests-remaining", "0"},
                  {"anthropic-ratelimit-requests-reset", "2025-01-01T00:00:00Z"}}),
            seconds(0));
}

TEST(RetryWait, GooglesRetryInfo) {
  constexpr std::string_view kBody = R"({"error": {"code": 429, "details": [
      {"@type": "type.googleapis.com/google.rpc.QuotaFailure"},
      {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay" : "34.5s"}]}})";
  EXPECT_EQ(wait({}, kBody), milliseconds(34500));
  EXPECT_EQ(wait({{"retry-after", "2"}}, kBody), seconds(2));
}

TEST(RetryWait, BodiesCutAnywhereDoNoHarm) {
  const std::string body = R"({"details":[{"retryDelay": "34s"}]})";
  for (size_t cut = 0; cut < body.size(); ++cut) {
    const auto found = wait({}, body.substr(0, cut));
    EXPECT_EQ(found.value_or(seconds(34)), seconds(34)) << cut;
  }
  EXPECT_FALSE(wait({}, R"({"retryDelay": 34})"));
  EXPECT_FALSE(wait({}, R"({"message": "retryDelay is 5s"})"));
}

TEST(GoDuration, Forms) {
  EXPECT_EQ(parse_go_duration("1s"), seconds(1));
  EXPECT_EQ(parse_go_duration("6m0s"), minutes(6));
  EXPECT_EQ(parse_go_duration("20ms"), milliseconds(20));
  EXPECT_EQ(parse_go_duration("1h2m3.5s"), hours(1) + minutes(2) + milliseconds(3500));
  EXPECT_EQ(parse_go_duration(" 5us "), std::chrono::microseconds(5));
  EXPECT_EQ(parse_go_duration("9999999h"), hours(24 * 30));
}

TEST(GoDuration, OtherTexts) {
  for (const char* text : {"", "s", "5", "-5s", "5 s", "1s2", "1x", "1.2.3s", ".s", "1e3s", "5S"}) {
    EXPECT_FALSE(parse_go_duration(text)) << text;
  }
}

TEST(HttpDate, ImfFixdateOnly) {
  const auto example = parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
  ASSERT_TRUE(example);
  EXPECT_EQ(example->time_since_epoch(), seconds(784111777));
  for (const char* text : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                           "Sun, 06 Nov 1994 08:49:37", "Sun, 06 nov 1994 08:49:37 GMT",
                           "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                           "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 08:4x:37 GMT"}) {
    EXPECT_FALSE(parse_http_date(text)) << text;
  }
}

TEST(Rfc3339, Forms) {
  EXPECT_EQ(parse_rfc3339("2026-01-01T12:00:00Z"), kNow);
  EXPECT_EQ(parse_rfc3339("2026-01-01t12:00:00z"), kNow);
  EXPECT_EQ(parse_rfc3339("2026-01-01T13:30:00+01:30"), kNow);
  EXPECT_EQ(parse_rfc3339("2026-01-01T05:00:00-07:00"), kNow);
  EXPECT_EQ(parse_rfc3339("2026-01-01T12:00:00.250Z"), kNow + milliseconds(250));
  for (const char* text : {"", "2026-01-01", "2026-01-01T12:00:00", "2026-13-01T12:00:00Z",
                           "2026-01-01T12:00:00+1:00", "2026-01-01T12:00:00Zx",
                           "2026-01-01 12:00:00Z", "2026-1-1T12:00:00Z", "2026-01-01T25:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace culvert
