// Nanoseconds are kept as far as the clock has them.
#include "control/config/times.h"

#include <fmt/format.h>

namespace culvert::control {

google::protobuf::Timestamp to_timestamp(WallTime time) {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(whole.count());
  timestamp.set_nanos(static_cast<int32_t>((since - whole).count()));
  return timestamp;
}

WallTime from_timestamp(const google::protobuf::Timestamp& timestamp) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::seconds(timestamp.seconds()) + std::chrono::nanoseconds(timestamp.nanos())));
}

std::string digits(uint64_t number) { return fmt::format("{:020}", number); }

uint64_t number_of(std::string_view twenty_digits) {
  uint64_t number = 0;
  for (const char c : twenty_digits.substr(0, 20)) {
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number;
}

}  // namespace culvert::control
