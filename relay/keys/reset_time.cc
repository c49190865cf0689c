// Calendars by <chrono>: the machine's own zones may be old, or not there.
#include "relay/keys/reset_time.h"

#include "relay/keys/retry_hints.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

namespace culvert {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

sys_seconds whole_seconds(WallTime time) { return std::chrono::floor<seconds>(time); }

// Behind UTC: from the second Sunday of March to the first of November, each at 2:00 of the clock
// that ends there (15 USC 260a).
hours pacific_offset(sys_seconds time) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace): calendars read badly
                                // without
  const auto year = year_month_day(floor<days>(time)).year();
  const sys_seconds summer = sys_days(year / March / Sunday[2]) + hours(10);
  const sys_seconds winter = sys_days(year / November / Sunday[1]) + hours(9);
  return time >= summer && time < winter ? hours(7) : hours(8);
}

sys_seconds pacific_midnight_after(sys_seconds now) {
  const auto local = now - pacific_offset(now);
  const sys_seconds local_midnight = std::chrono::floor<days>(local) + days(1);
  // The offset of the midnight itself: the clocks may be changed before it.
  return local_midnight + pacific_offset(local_midnight + hours(8));
}

std::string_view from_digits(std::string_view text) {
  return text.substr(std::min(text.find_first_of("0123456789"), text.size()));
}

// "30 seconds", "2 minutes.": the number stands first.
std::optional<Duration> in_words(std::string_view number, std::string_view unit) {
  static constexpr std::array<std::pair<std::string_view, char>, 4> kUnits = {
      {{"millisecond", 'x'}, {"second", 's'}, {"minute", 'm'}, {"hour", 'h'}}};
  for (const auto& [word, letter] : kUnits) {
    if (!unit.starts_with(word)) continue;
    std::string text(number);
    return parse_go_duration(letter == 'x' ? text + "ms" : text + letter);
  }
  return std::nullopt;
}

std::optional<WallTime> date_at(std::string_view text) {
  const std::string_view date = text.substr(0, 10);
  if (const auto whole = parse_rfc3339(text.substr(0, text.find_first_of(" ,;)")))) return whole;
  std::string_view rest = text.substr(10);
  for (const std::string_view between : {" at ", " ", "t"}) {
    if (!rest.starts_with(between)) continue;
    const std::string_view clock = rest.substr(between.size(), 5);
    if (const auto time =
            parse_rfc3339(std::string(date).append("T").append(clock).append(":00Z"))) {
      return time;
    }
  }
  return parse_rfc3339(std::string(date).append("T00:00:00Z"));
}

}  // namespace

Duration until_pacific_midnight(WallTime now) {
  return std::max<Duration>(pacific_midnight_after(whole_seconds(now)) - now,
                            std::chrono::seconds(1));
}

Duration until_utc_midnight(WallTime now) {
  return std::max<Duration>(std::chrono::floor<days>(now) + days(1) - now, std::chrono::seconds(1));
}

std::optional<Duration> told_wait(std::string_view message) {
  static constexpr std::array<std::string_view, 5> kBefore = {
      "again in ", "retry in ", "again after ", "retry after ", "reset in "};
  for (const std::string_view before : kBefore) {
    const size_t found = message.find(before);
    if (found == std::string_view::npos) continue;
    const std::string_view rest = from_digits(message.substr(found + before.size()).substr(0, 64));
    const size_t end = std::min(rest.find_first_of(" ,;)"), rest.size());
    std::string_view word = rest.substr(0, end);
    while (word.ends_with('.')) word.remove_suffix(1);
    if (const auto wait = parse_go_duration(word)) return wait;
    if (end < rest.size()) {
      if (const auto wait = in_words(word, rest.substr(end + 1))) return wait;
    }
  }
  return std::nullopt;
}

std::optional<WallTime> told_date(std::string_view message, WallTime now) {
  for (size_t at = message.find("20"); at != std::string_view::npos;
       at = message.find("20", at + 1)) {
    const std::string_view text = message.substr(at);
    if (text.size() < 10) return std::nullopt;
    const auto time = date_at(text);
    if (time && *time > now) return time;
  }
  return std::nullopt;
}

}  // namespace culvert
