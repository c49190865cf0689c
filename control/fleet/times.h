// Between the clock's times and those of messages. Pure.
#pragma once

#include "relay/base/clock.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>

namespace culvert::control {

inline WallTime time_of(const google::protobuf::Timestamp& time) {
  // What lies outside of the clock's range comes from a broken message: the nearest end of it.
  constexpr int64_t kMost = 9'000'000'000;  // seconds: the year 2255; nanoseconds fit 64 bits
  const std::chrono::seconds seconds(std::clamp<int64_t>(time.seconds(), 0, kMost));
  const std::chrono::nanoseconds rest(std::clamp(time.nanos(), 0, 999'999'999));
  return WallTime(std::chrono::duration_cast<WallTime::duration>(seconds + rest));
}

inline google::protobuf::Timestamp stamp(WallTime time) {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  google::protobuf::Timestamp stamped;
  stamped.set_seconds(seconds.count());
  stamped.set_nanos(static_cast<int32_t>((since - seconds).count()));
  return stamped;
}

}  // namespace culvert::control
