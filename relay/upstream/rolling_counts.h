// Counts of two kinds over a sliding window, in a ring of small buckets. Any thread, without a
// lock: each bucket is one word that holds its time and both of its counts.
#pragma once

#include "relay/base/clock.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace culvert {

class RollingCounts {
 public:
  static constexpr size_t kBuckets = 11;  // ten, and the one that is being filled

  enum class Kind : uint8_t { kFirst, kSecond };

  // width: of one bucket, above zero. Where it changes, what was counted before is forgotten.
  void add(Kind kind, Instant now, Duration width);
  // Of the newest `buckets`, the present one included.
  uint64_t sum(Kind kind, Instant now, Duration width, size_t buckets) const;
  void clear();

 private:
  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
};

}  // namespace culvert
