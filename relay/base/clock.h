// Time as a seam: everything that waits or stamps asks a Clock, and tests move a fake one by hand.
#pragma once

#include <chrono>
#include <string>

namespace culvert {

using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::steady_clock::time_point;   // for intervals; never goes back
using WallTime = std::chrono::system_clock::time_point;  // for people and for dates on the wire

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;

  static const Clock& system();  // of the machine; safe on any thread
};

class FakeClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override { return wall_; }
  void advance(Duration by) {
    now_ += by;
    wall_ += std::chrono::duration_cast<WallTime::duration>(by);
  }

 private:
  Instant now_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};
};

// Both in memory that is kept (kept_text.h), for who gives it back.
// RFC 3339 in UTC with milliseconds: 2026-01-01T00:00:00.000Z
std::string rfc3339(WallTime time);

// RFC 9110 §5.6.7: Thu, 01 Jan 2026 00:00:00 GMT
std::string http_date(WallTime time);

double milliseconds(Duration duration);
double seconds(Duration duration);

}  // namespace culvert
