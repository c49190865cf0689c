// Each vendor's own words for "later". Written by hand where the C library would follow the locale.
#include "relay/keys/retry_hints.h"

#include "relay/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <string>

namespace culvert {
namespace {

constexpr double kMostSeconds = 30.0 * 24 * 3600;
constexpr std::chrono::year kFirstYear{1900};
constexpr std::chrono::year kLastYear{2200};

Duration of_seconds(double value) {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::clamp(value, 0.0, kMostSeconds)));
}

Duration until(WallTime time, WallTime now) {
  return time > now ? of_seconds(std::chrono::duration<double>(time - now).count()) : Duration{};
}

// Digits, with a fraction perhaps; no sign, no exponent.
std::optional<double> decimal(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos) {
    return std::nullopt;
  }
  double value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Takes exactly `digits` digits from the front.
std::optional<int> take_number(std::string_view* text, size_t digits) {
  int value = 0;
  if (text->size() < digits) return std::nullopt;
  for (const char c : text->substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text->remove_prefix(digits);
  return value;
}

bool take(std::string_view* text, std::string_view expected) {
  if (!text->starts_with(expected)) return false;
  text->remove_prefix(expected.size());
  return true;
}

std::optional<WallTime> utc(int year, int month, int day, int hour, int minute, int second) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  // Nanoseconds of 64 bits end in 2262: what lies further off is far off, and not in the past.
  if (date.year() < kFirstYear) return std::chrono::sys_days(kFirstYear / 1 / 1);
  if (date.year() > kLastYear) return std::chrono::sys_days(kLastYear / 12 / 31);
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

std::optional<Duration> retry_after(const Headers& headers, WallTime now) {
  if (const auto text = headers.find("retry-after-ms")) {
    if (const auto value = decimal(trim(*text))) return of_seconds(*value / 1000);
  }
  const auto text = headers.find("retry-after");
  if (!text) return std::nullopt;
  if (const auto value = decimal(trim(*text))) return of_seconds(*value);
  if (const auto date = parse_http_date(trim(*text))) return until(*date, now);
  return std::nullopt;
}

// Of several limits, those that have run out count, and of them the one that comes back last. Where
// none says that it has run out, the one that comes back first is the best guess.
class Limits {
 public:
  void add(std::optional<std::string_view> remaining, std::optional<Duration> reset) {
    if (!reset) return;
    if (remaining && trim(*remaining) == "0") {
      longest_ = std::max(longest_.value_or(Duration{}), *reset);
    } else {
      shortest_ = std::min(shortest_.value_or(Duration::max()), *reset);
    }
  }
  std::optional<Duration> wait() const { return longest_ ? longest_ : shortest_; }

 private:
  std::optional<Duration> longest_;
  std::optional<Duration> shortest_;
};

std::optional<Duration> openai_reset(const Headers& headers) {
  Limits limits;
  for (const std::string what : {"requests", "tokens"}) {
    const auto reset = headers.find("x-ratelimit-reset-" + what);
    limits.add(headers.find("x-ratelimit-remaining-" + what),
               reset ? parse_go_duration(*reset) : std::nullopt);
  }
  return limits.wait();
}

std::optional<Duration> anthropic_reset(const Headers& headers, WallTime now) {
  Limits limits;
  for (const std::string what : {"requests", "tokens", "input-tokens", "output-tokens"}) {
    const std::string name = "anthropic-ratelimit-" + what;
    const auto reset = headers.find(name + "-reset");
    const auto time = reset ? parse_rfc3339(trim(*reset)) : std::nullopt;
    if (time) limits.add(headers.find(name + "-remaining"), until(*time, now));
  }
  return limits.wait();
}

// {"error":{"details":[{"@type":"…/google.rpc.RetryInfo","retryDelay":"34s"}]}}: looked for as
// text, because the body may have been cut; a wrong find only changes how long a key rests.
std::optional<Duration> google_retry_info(std::string_view body) {
  static constexpr std::string_view kName = "\"retryDelay\"";
  static constexpr std::string_view kSpaces = " \t\r\n";
  const size_t found = body.find(kName);
  if (found == std::string_view::npos) return std::nullopt;
  body.remove_prefix(found + kName.size());
  body.remove_prefix(std::min(body.find_first_not_of(kSpaces), body.size()));
  if (!take(&body, ":")) return std::nullopt;
  body.remove_prefix(std::min(body.find_first_not_of(kSpaces), body.size()));
  if (!take(&body, "\"")) return std::nullopt;
  const size_t end = body.find('"');
  if (end == std::string_view::npos) return std::nullopt;
  return parse_go_duration(body.substr(0, end));
}

std::optional<std::chrono::minutes> parse_offset(std::string_view zone) {
  if (zone == "Z" || zone == "z") return std::chrono::minutes(0);
  const bool west = zone.starts_with('-');
  if (!west && !zone.starts_with('+')) return std::nullopt;
  zone.remove_prefix(1);
  const auto hours = take_number(&zone, 2);
  if (!hours || !take(&zone, ":")) return std::nullopt;
  const auto minutes = take_number(&zone, 2);
  if (!minutes || !zone.empty()) return std::nullopt;
  const std::chrono::minutes offset(*hours * 60 + *minutes);
  return west ? -offset : offset;
}

}  // namespace

std::optional<Duration> retry_wait(const Headers& headers, std::string_view body, WallTime now) {
  if (const auto wait = retry_after(headers, now)) return wait;
  if (const auto wait = openai_reset(headers)) return wait;
  if (const auto wait = anthropic_reset(headers, now)) return wait;
  return google_retry_info(body);
}

std::optional<Duration> parse_go_duration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 6> kUnits = {
      {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"h", 3600}, {"m", 60}, {"s", 1}}};
  text = trim(text);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto value = decimal(text.substr(0, digits));
    text.remove_prefix(digits);
    const auto* unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& candidate) {
      return text.starts_with(candidate.first);
    });
    if (!value || unit == kUnits.end()) return std::nullopt;
    total += *value * unit->second;
    text.remove_prefix(unit->first.size());
  }
  return of_seconds(total);
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // "Sun, " is not checked against the date: it adds nothing.
  if (text.size() != 29 || text.substr(3, 2) != ", ") return std::nullopt;
  text.remove_prefix(5);
  const auto day = take_number(&text, 2);
  if (!day || !take(&text, " ")) return std::nullopt;
  const auto* month = std::find(kMonths.begin(), kMonths.end(), text.substr(0, 3));
  if (month == kMonths.end()) return std::nullopt;
  text.remove_prefix(3);
  if (!take(&text, " ")) return std::nullopt;
  const auto year = take_number(&text, 4);
  if (!year || !take(&text, " ")) return std::nullopt;
  const auto hour = take_number(&text, 2);
  if (!hour || !take(&text, ":")) return std::nullopt;
  const auto minute = take_number(&text, 2);
  if (!minute || !take(&text, ":")) return std::nullopt;
  const auto second = take_number(&text, 2);
  if (!second || text != " GMT") return std::nullopt;
  return utc(*year, static_cast<int>(month - kMonths.begin()) + 1, *day, *hour, *minute, *second);
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  const auto year = take_number(&text, 4);
  if (!year || !take(&text, "-")) return std::nullopt;
  const auto month = take_number(&text, 2);
  if (!month || !take(&text, "-")) return std::nullopt;
  const auto day = take_number(&text, 2);
  if (!day || (!take(&text, "T") && !take(&text, "t"))) return std::nullopt;
  const auto hour = take_number(&text, 2);
  if (!hour || !take(&text, ":")) return std::nullopt;
  const auto minute = take_number(&text, 2);
  if (!minute || !take(&text, ":")) return std::nullopt;
  const auto second = take_number(&text, 2);
  if (!second) return std::nullopt;
  double fraction = 0;
  if (text.starts_with('.')) {
    const size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
    fraction = decimal("0" + std::string(text.substr(0, end))).value_or(0);
    text.remove_prefix(end);
  }
  const auto offset = parse_offset(text);
  const auto time = utc(*year, *month, *day, *hour, *minute, *second);
  if (!offset || !time) return std::nullopt;
  return *time - *offset +
         std::chrono::duration_cast<WallTime::duration>(std::chrono::duration<double>(fraction));
}

}  // namespace culvert
