// The machine's clocks, and how a moment is written.
#include "relay/base/clock.h"

#include <charconv>
#include <ctime>
#include <utility>

namespace culvert {
namespace {

class SystemClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
};

// Each request has its moment in a line and each answer a date: digits alone, without a format.
class Moment {
 public:
  explicit Moment(std::time_t whole) {
    gmtime_r(&whole, &utc_);
    written_.reserve(32);
  }
  Moment& year() { return digits(utc_.tm_year + 1900, 4); }
  Moment& month() { return digits(utc_.tm_mon + 1, 2); }
  Moment& day() { return digits(utc_.tm_mday, 2); }
  Moment& time() {
    digits(utc_.tm_hour, 2).text(":").digits(utc_.tm_min, 2).text(":");
    return digits(utc_.tm_sec, 2);
  }
  Moment& text(const char* words) {
    written_ += words;
    return *this;
  }
  Moment& digits(int64_t number, size_t width) {
    char all[20];
    const auto [end, error] = std::to_chars(all, all + sizeof all, number);
    const auto count = static_cast<size_t>(end - all);
    if (count < width) written_.append(width - count, '0');
    written_.append(all, count);
    return *this;
  }
  const std::tm& utc() const { return utc_; }
  std::string take() { return std::move(written_); }

 private:
  std::tm utc_{};
  std::string written_;
};

}  // namespace

std::string rfc3339(WallTime time) {
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  Moment moment(static_cast<std::time_t>(since_epoch.count() / 1000));
  moment.year().text("-").month().text("-").day().text("T").time();
  return moment.text(".").digits(since_epoch.count() % 1000, 3).text("Z").take();
}

std::string http_date(WallTime time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  Moment moment(std::chrono::system_clock::to_time_t(time));
  moment.text(kDays[moment.utc().tm_wday]).text(", ").day().text(" ");
  moment.text(kMonths[moment.utc().tm_mon]).text(" ").year().text(" ").time();
  return moment.text(" GMT").take();
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
