// The machine's clocks, and how a moment is written.
#include "relay/base/clock.h"

#include "relay/base/kept_text.h"

#include <array>
#include <cstddef>
#include <ctime>
#include <string_view>

namespace culvert {
namespace {

class SystemClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
};

// A number below ten to the power of `width`.
char* write_digits(char* to, int number, size_t width) {
  for (size_t i = width; i > 0; --i, number /= 10) to[i - 1] = static_cast<char>('0' + number % 10);
  return to + width;
}

char* write_text(char* to, std::string_view text) { return to + text.copy(to, text.size()); }

char* write_time(char* to, const std::tm& utc) {
  to = write_text(write_digits(to, utc.tm_hour, 2), ":");
  to = write_text(write_digits(to, utc.tm_min, 2), ":");
  return write_digits(to, utc.tm_sec, 2);
}

void write_rfc3339(char* to, const std::tm& utc) {
  to = write_text(write_digits(to, utc.tm_year + 1900, 4), "-");
  to = write_text(write_digits(to, utc.tm_mon + 1, 2), "-");
  to = write_text(write_digits(to, utc.tm_mday, 2), "T");
  write_text(write_time(to, utc), ".000Z");
}

void write_http_date(char* to, const std::tm& utc) {
  static constexpr const char* kDays[] = {"Sun, ", "Mon, ", "Tue, ", "Wed, ",
                                          "Thu, ", "Fri, ", "Sat, "};
  static constexpr const char* kMonths[] = {" Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ",
                                            " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec "};
  to = write_text(to, kDays[utc.tm_wday]);
  to = write_text(write_digits(to, utc.tm_mday, 2), kMonths[utc.tm_mon]);
  to = write_text(write_digits(to, utc.tm_year + 1900, 4), " ");
  write_text(write_time(to, utc), " GMT");
}

// Each request has its moment in a line and each answer a date, most of them in the same second as
// the last: each thread keeps that second's text.
template <size_t kSize, void (*kWrite)(char* to, const std::tm& utc)>
std::string_view text_of(std::chrono::sys_seconds time) {
  thread_local std::chrono::sys_seconds kept = std::chrono::sys_seconds::max();
  thread_local std::array<char, kSize> text;
  if (time != kept) {
    const std::time_t whole = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    gmtime_r(&whole, &utc);
    kWrite(text.data(), utc);
    kept = time;
  }
  return {text.data(), kSize};
}

std::string as_kept(std::string_view text) {
  std::string kept = kept_text(text.size());
  kept = text;
  return kept;
}

}  // namespace

std::string rfc3339(WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  std::string text = as_kept(text_of<24, write_rfc3339>(whole));
  const auto rest = std::chrono::floor<std::chrono::milliseconds>(time - whole).count();
  write_digits(text.data() + 20, static_cast<int>(rest), 3);
  return text;
}

std::string http_date(WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  return as_kept(text_of<29, write_http_date>(whole));
}

const Clock& Clock::system() {
  static const SystemClock clock;
  return clock;
}

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace culvert
