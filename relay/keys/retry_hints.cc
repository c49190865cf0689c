// Each vendor's own words for "later".
#include "relay/keys/retry_hints.h"

#include "relay/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <string>

namespace culvert {
namespace {

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

Duration of_seconds(double value) {
  constexpr double kMost = 30.0 * 24 * 3600;
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::clamp(value, 0.0, kMost)));
}

Duration until(WallTime time, WallTime now) {
  return time > now ? std::chrono::duration_cast<Duration>(time - now) : Duration::zero();
}

std::optional<Duration> retry_after(const Headers& headers, WallTime now) {
  if (const auto* text = headers.find("retry-after-ms")) {
    if (const auto value = parse_number(*text)) return of_seconds(*value / 1000);
  }
  const auto* text = headers.find("retry-after");
  if (text == nullptr) return std::nullopt;
  if (const auto value = parse_number(*text)) return of_seconds(*value);
  if (const auto date = parse_http_date(*text)) return until(*date, now);
  return std::nullopt;
}

bool ran_out(const Headers& headers, const std::string& remaining) {
  const auto* text = headers.find(remaining);
  return text != nullptr && trim(*text) == "0";
}

std::optional<Duration> openai_reset(const Headers& headers) {
  std::optional<Duration> longest;
  for (const std::string what : {"requests", "tokens"}) {
    if (!ran_out(headers, "x-ratelimit-remaining-" + what)) continue;
    const auto* text = headers.find("x-ratelimit-reset-" + what);
    const auto wait = text == nullptr ? std::nullopt : parse_go_duration(*text);
    if (wait) longest = std::max(longest.value_or(Duration::zero()), *wait);
  }
  return longest;
}

std::optional<Duration> anthropic_reset(const Headers& headers, WallTime now) {
  std::optional<Duration> longest;
  for (const std::string what : {"requests", "tokens", "input-tokens", "output-tokens"}) {
    if (!ran_out(headers, "anthropic-ratelimit-" + what + "-remaining")) continue;
    const auto* text = headers.find("anthropic-ratelimit-" + what + "-reset");
    const auto time = text == nullptr ? std::nullopt : parse_rfc3339(*text);
    if (time) longest = std::max(longest.value_or(Duration::zero()), until(*time, now));
  }
  return longest;
}

// {"error":{"details":[{"@type":"…RetryInfo","retryDelay":"34s"}]}}
std::optional<Duration> google_retry_info(std::string_view body) {
  constexpr std::string_view kName = "\"retryDelay\"";
  const auto found = body.find(kName);
  if (found == std::string_view::npos) return std::nullopt;
  body.remove_prefix(found + kName.size());
  const auto open = body.find('"');
  if (open == std::string_view::npos) return std::nullopt;
  body.remove_prefix(open + 1);
  return parse_go_duration(body.substr(0, body.find('"')));
}

std::optional<WallTime> from_utc(const std::tm& utc) {
  std::tm copy = utc;
  const std::time_t time = timegm(&copy);
  if (time == -1) return std::nullopt;
  return std::chrono::system_clock::from_time_t(time);
}

}  // namespace

std::optional<Duration> parse_go_duration(std::string_view text) {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  double total_s = 0;
  while (!text.empty()) {
    const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto value = parse_number(text.substr(0, digits));
    if (!value) return std::nullopt;
    text.remove_prefix(digits);
    static constexpr std::array<std::pair<std::string_view, double>, 6> kUnits = {
        {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"h", 3600}, {"m", 60}, {"s", 1}}};
    const auto* unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& candidate) {
      return text.starts_with(candidate.first);
    });
    if (unit == kUnits.end()) return std::nullopt;
    total_s += *value * unit->second;
    text.remove_prefix(unit->first.size());
  }
  return of_seconds(total_s);
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  std::tm utc{};
  const std::string copy(text);
  const char* end = strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return from_utc(utc);
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  std::tm utc{};
  const std::string copy(text);
  const char* rest = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (rest == nullptr) return std::nullopt;
  auto time = from_utc(utc);
  if (!time) return std::nullopt;
  if (*rest == '.') {
    ++rest;
    while (*rest >= '0' && *rest <= '9') ++rest;
  }
  const std::string_view zone(rest);
  if (zone == "Z" || zone == "z") return time;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  const auto hours = parse_number(zone.substr(1, 2));
  const auto minutes = parse_number(zone.substr(4, 2));
  if (!hours || !minutes) return std::nullopt;
  const auto offset = std::chrono::seconds(static_cast<int64_t>(*hours * 3600 + *minutes * 60));
  return zone[0] == '+' ? *time - offset : *time + offset;
}

Duration retry_wait(const Headers& headers, std::string_view body, WallTime now) {
  if (const auto wait = retry_after(headers, now)) return *wait;
  if (const auto wait = openai_reset(headers)) return *wait;
  if (const auto wait = anthropic_reset(headers, now)) return *wait;
  if (const auto wait = google_retry_info(body)) return *wait;
  return Duration::zero();
}

}  // namespace culvert
