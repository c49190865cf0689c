// Counts durations in logarithmic buckets of under 0.8 % width: any run fits in 58 KiB, and
// recording is one increment.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace culvert::bench {

class Histogram {
 public:
  void record(int64_t ns);
  uint64_t count() const { return count_; }
  double mean_ns() const;
  // The upper edge of the bucket in which the `part` (0 to 1) of all values ends, at most the
  // greatest value; 0 without values.
  int64_t at(double part) const;
  int64_t max_ns() const { return max_; }

  // {"p50":…,"p90":…,"p99":…,"p999":…,"max":…,"mean":…} in microseconds.
  std::string json_us() const;

 private:
  static constexpr int kBits = 7;  // buckets per power of two, as a power of two
  static constexpr uint64_t kParts = 1U << kBits;

  std::array<uint64_t, (64 - kBits) * kParts> buckets_{};
  uint64_t count_ = 0;
  int64_t max_ = 0;
  int64_t sum_ = 0;
};

}  // namespace culvert::bench
