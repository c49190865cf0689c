// Parsing by hand: strtoull takes signs and spaces, stod a locale.
#include "proto/scalars.h"

#include "relay/base/text.h"

#include <algorithm>
#include <string>

namespace culvert {
namespace {

struct Unit {
  std::string_view word;
  uint64_t factor;
};

constexpr uint64_t kNanosPerMs = 1'000'000;
constexpr Unit kTimes[] = {
    {"h", 3600 * 1000 * kNanosPerMs},
    {"m", 60 * 1000 * kNanosPerMs},
    {"s", 1000 * kNanosPerMs},
    {"ms", kNanosPerMs},
};
constexpr uint64_t kYearNanos = 366 * 24 * kTimes[0].factor;
constexpr Unit kSizes[] = {{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};

template <size_t N>
std::optional<uint64_t> parse_with_unit(std::string_view text,
                                        const Unit (&units)[N],
                                        uint64_t most) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_whole(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.word != text.substr(digits)) continue;
    if (*number > most / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  const auto nanos = parse_with_unit(text, kTimes, kYearNanos);
  if (!nanos) return std::nullopt;
  return Duration(static_cast<int64_t>(*nanos));
}

std::string print_duration(Duration duration) {
  const auto nanos = static_cast<uint64_t>(std::max(duration.count(), Duration::rep{0}));
  if (nanos == 0) return "0s";
  for (const Unit& unit : kTimes) {
    if (nanos % unit.factor == 0)
      return std::to_string(nanos / unit.factor) + std::string(unit.word);
  }
  return std::to_string(nanos / kNanosPerMs) + "ms";
}

std::optional<uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, kSizes, UINT64_MAX);
}

std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view word : {"true", "1", "yes", "on"}) {
    if (equal_ignoring_case(text, word)) return true;
  }
  for (const std::string_view word : {"false", "0", "no", "off"}) {
    if (equal_ignoring_case(text, word)) return false;
  }
  return std::nullopt;
}

std::optional<uint64_t> parse_whole(std::string_view text, uint64_t most) {
  if (text.empty()) return std::nullopt;
  uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (number > (UINT64_MAX - digit) / 10) return std::nullopt;
    number = number * 10 + digit;
  }
  return number <= most ? std::optional(number) : std::nullopt;
}

Duration from_proto(const google::protobuf::Duration& duration) {
  constexpr int64_t kMostSeconds = 100LL * 366 * 24 * 3600;
  const int64_t seconds = std::clamp(duration.seconds(), -kMostSeconds, kMostSeconds);
  return std::chrono::seconds(seconds) + std::chrono::nanoseconds(duration.nanos());
}

google::protobuf::Duration to_proto(Duration duration) {
  constexpr int64_t kNanosPerSecond = 1'000'000'000;
  google::protobuf::Duration out;
  out.set_seconds(duration.count() / kNanosPerSecond);
  out.set_nanos(static_cast<int32_t>(duration.count() % kNanosPerSecond));
  return out;
}

std::string in_quotes(std::string_view text) {
  constexpr size_t kMost = 60;
  std::string out = "\"";
  for (const char c : text.substr(0, kMost)) out += c >= 0x20 && c < 0x7F ? c : '?';
  if (text.size() > kMost) out += "...";
  return out + "\"";
}

}  // namespace culvert
