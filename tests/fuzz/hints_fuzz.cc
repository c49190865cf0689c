// What upstreams say of when they may be asked again: the input as every form of it. No wait is
// negative or above its cap, a date and a number of seconds that mean the same give the same, and
// what is written anew is read as it was meant.
#include "relay/base/text.h"
#include "relay/keys/reset_time.h"
#include "relay/keys/retry_hints.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace culvert::test {
namespace {

using std::chrono::seconds;

constexpr Duration kMost = std::chrono::hours(24 * 30);
const WallTime kNow =
    std::chrono::sys_days(std::chrono::year(2026) / 7 / 1) + std::chrono::hours(9);

void within_bounds(const std::optional<Duration>& wait) {
  require(!wait || (*wait >= Duration::zero() && *wait <= kMost), "a wait without bounds");
}

std::string two(int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

// RFC 9110's IMF-fixdate of a time, by the calendar of the library and not by the parser's.
std::string http_date(std::chrono::sys_seconds time) {
  static constexpr std::array<const char*, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<seconds> clock(time - day);
  return "Sun, " + two(static_cast<unsigned>(date.day())) + " " +
         kMonths[static_cast<unsigned>(date.month()) - 1] + " " +
         std::to_string(static_cast<int>(date.year())) + " " + two(clock.hours().count()) + ":" +
         two(clock.minutes().count()) + ":" + two(clock.seconds().count()) + " GMT";
}

std::optional<Duration> wait_of(std::string_view name, std::string_view value) {
  Headers headers;
  headers.add(name, value);
  const auto wait = retry_wait(headers, {}, kNow);
  within_bounds(wait);
  return wait;
}

// A number that was understood, written as whole seconds and as a date, is the same wait.
void same_in_both_forms(std::string_view value) {
  const auto wait = wait_of("Retry-After", value);
  if (!wait) return;
  const auto whole = std::chrono::floor<seconds>(*wait);
  require(wait_of("Retry-After", std::to_string(whole.count())) == Duration(whole),
          "seconds that change when they are written again");
  const auto then = std::chrono::floor<seconds>(kNow) + whole;
  require(wait_of("Retry-After", http_date(then)) == Duration(whole),
          "a date that is another wait than its seconds");
}

void dates(std::string_view value) {
  if (const auto date = parse_http_date(value)) {
    const auto time = std::chrono::floor<seconds>(*date);
    require(parse_http_date(http_date(time)) == *date, "a date that changes when written again");
    const auto wait = wait_of("Retry-After", value);
    require(wait && (*date > kNow) == (*wait > Duration::zero()), "a date on the wrong side");
  }
  if (const auto time = parse_rfc3339(value)) {
    const auto wait = wait_of("anthropic-ratelimit-requests-reset", value);
    require(wait.has_value(), "a reset that was read and not used");
    require(*time > kNow || *wait == Duration::zero(), "a wait for what has passed");
  }
}

void durations(std::string_view value) {
  const auto wait = parse_go_duration(value);
  within_bounds(wait);
  if (!wait) return;
  require(wait_of("x-ratelimit-reset-requests", value) == wait, "a reset that was not used");
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(*wait).count() / 1000 * 1000;
  const auto again = parse_go_duration(std::to_string(ns / 1'000'000'000) + "s" +
                                       std::to_string(ns % 1'000'000'000 / 1000) + "us");
  require(again.has_value(), "a time that cannot be written again");
  const Duration apart = *again > *wait ? *again - *wait : *wait - *again;
  require(apart <= std::chrono::microseconds(2), "a time that changes when it is written again");
}

// Both of several limits: what has run out counts, and of these the one that is back last.
void limits_of_two(std::string_view value) {
  const size_t comma = std::min(value.find(','), value.size());
  const std::string_view first = value.substr(0, comma);
  const std::string_view second = value.substr(std::min(comma + 1, value.size()));
  const auto a = parse_go_duration(first);
  const auto b = parse_go_duration(second);
  if (!a || !b) return;
  Headers headers;
  headers.add("x-ratelimit-reset-requests", first);
  headers.add("x-ratelimit-reset-tokens", second);
  require(retry_wait(headers, {}, kNow) == std::min(*a, *b), "not the first that comes back");
  headers.add("x-ratelimit-remaining-requests", "0");
  require(retry_wait(headers, {}, kNow) == *a, "not the one that has run out");
  headers.add("x-ratelimit-remaining-tokens", "0");
  require(retry_wait(headers, {}, kNow) == std::max(*a, *b), "not the last that comes back");
}

void sentence(std::string_view value) {
  const std::string low = lower(value);
  within_bounds(told_wait(low));
  const auto date = told_date(low, kNow);
  require(!date || *date > kNow, "a date that has passed");
}

// A quota's midnight lies ahead, at most a day and the hour that a clock may be put back.
void midnights(std::string_view value) {
  const auto time = parse_rfc3339(value);
  if (!time) return;
  for (const Duration wait : {until_utc_midnight(*time), until_pacific_midnight(*time)}) {
    require(wait > Duration::zero() && wait <= std::chrono::hours(25), "a midnight too far off");
  }
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const Piece piece(text(data, size));
  const std::string_view input = piece.view();
  const std::string_view value = trim(input);
  same_in_both_forms(value);
  dates(value);
  durations(value);
  limits_of_two(value);
  midnights(value);
  sentence(input);
  within_bounds(wait_of("retry-after-ms", value));
  within_bounds(retry_wait({}, input, kNow));
  return 0;
}
