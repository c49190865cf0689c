// std::chrono's calendar; g++ 12 has no std::chrono::parse.
#include "control/cli/times.h"

#include "proto/scalars.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace culvert::cli {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::sys_days;

constexpr uint64_t kMostDays = 36500;

// Reads exactly `digits` digits at the front and takes them off.
std::optional<int> take_number(std::string_view* text, size_t digits) {
  if (text->size() < digits) return std::nullopt;
  const auto number = parse_whole(text->substr(0, digits), 9999);
  if (!number) return std::nullopt;
  text->remove_prefix(digits);
  return static_cast<int>(*number);
}

bool take(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

std::optional<sys_days> take_day(std::string_view* text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  return date.ok() && *year >= 1970 ? std::optional(sys_days(date)) : std::nullopt;
}

std::optional<seconds> take_clock(std::string_view* text, bool with_seconds) {
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  auto sum = std::chrono::hours(*hour) + std::chrono::minutes(*minute) + seconds(0);
  if (!with_seconds) return sum;
  if (!take(text, ':')) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *second > 60) return std::nullopt;  // 60: a leap second
  return sum + seconds(*second);
}

void skip_fraction(std::string_view* text) {
  if (!take(text, '.')) return;
  text->remove_prefix(std::min(text->find_first_not_of("0123456789"), text->size()));
}

std::optional<seconds> take_offset(std::string_view* text) {
  if (take(text, 'Z') || take(text, 'z')) return seconds(0);
  const bool plus = take(text, '+');
  if (!plus && !take(text, '-')) return std::nullopt;
  const auto offset = take_clock(text, false);
  if (!offset) return std::nullopt;
  return plus ? *offset : -*offset;
}

}  // namespace

std::optional<Duration> parse_span(std::string_view text) {
  std::optional<Duration> span;
  if (text.size() > 1 && (text.back() == 'd' || text.back() == 'w')) {
    const uint64_t unit = text.back() == 'w' ? 7 : 1;
    const auto count = parse_whole(text.substr(0, text.size() - 1), kMostDays / unit);
    if (count) span = days(static_cast<int64_t>(*count * unit));
  } else {
    span = parse_duration(text);
  }
  return span && span->count() > 0 ? span : std::nullopt;
}

std::optional<WallTime> parse_moment(std::string_view text, WallTime now) {
  if (text == "now") return now;
  if (text == "today") return std::chrono::floor<days>(now);
  if (const auto span = parse_span(text)) {
    return now - std::chrono::duration_cast<WallTime::duration>(*span);
  }
  const auto day = take_day(&text);
  if (!day) return std::nullopt;
  if (text.empty()) return *day;
  if (!take(&text, 'T') && !take(&text, 't') && !take(&text, ' ')) return std::nullopt;
  const auto clock = take_clock(&text, true);
  if (!clock) return std::nullopt;
  skip_fraction(&text);
  const auto offset = take_offset(&text);
  if (!offset || !text.empty()) return std::nullopt;
  return *day + *clock - *offset;
}

WallTime from_proto(const google::protobuf::Timestamp& time) {
  constexpr int64_t kMost = 9'223'372'035;  // in 2262: what nanoseconds can count to
  const auto whole = seconds(std::clamp<int64_t>(time.seconds(), 0, kMost));
  const auto part = std::chrono::nanoseconds(std::clamp(time.nanos(), 0, 999'999'999));
  return WallTime(std::chrono::duration_cast<WallTime::duration>(whole + part));
}

google::protobuf::Timestamp to_proto(WallTime time) {
  const auto since = time.time_since_epoch();
  const auto whole = std::chrono::floor<seconds>(since);
  google::protobuf::Timestamp out;
  out.set_seconds(whole.count());
  out.set_nanos(static_cast<int32_t>(std::chrono::nanoseconds(since - whole).count()));
  return out;
}

std::string rfc3339_seconds(WallTime time) {
  std::string text = rfc3339(time);
  const size_t dot = text.find('.');
  if (dot != std::string::npos) text.erase(dot, text.size() - dot - 1);
  return text;
}

std::string shown_time(bool present, const google::protobuf::Timestamp& time) {
  return present ? rfc3339_seconds(from_proto(time)) : "-";
}

std::string shown_span(Duration span) {
  struct Unit {
    std::string_view word;
    int64_t length_s;
  };
  static constexpr std::array<Unit, 4> kUnits = {{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}};
  int64_t rest = std::max<int64_t>(std::chrono::floor<seconds>(span).count(), 0);
  if (rest == 0) return "now";
  std::string out;
  int shown = 0;
  for (const Unit& unit : kUnits) {
    const int64_t count = rest / unit.length_s;
    if (count == 0 && shown == 0) continue;
    if (shown == 2 || (shown == 1 && count == 0)) break;
    out += fmt::format("{}{}", count, unit.word);
    rest -= count * unit.length_s;
    if (++shown == 1 && count >= 10 && unit.length_s >= 3600) break;
  }
  return out;
}

}  // namespace culvert::cli
