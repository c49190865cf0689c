// The bucket of a value is its highest set bit and the seven bits that follow.
#include "tests/bench/load/histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace culvert::bench {

void Histogram::record(int64_t ns) {
  const int64_t value = std::max<int64_t>(ns, 0);
  const auto bits = static_cast<uint64_t>(value);
  uint64_t index = bits;
  if (bits >= kParts) {
    const int shift = 63 - std::countl_zero(bits) - kBits;
    index = static_cast<uint64_t>(shift) * kParts + (bits >> shift);
  }
  ++buckets_[index];
  ++count_;
  sum_ += value;
  max_ = std::max(max_, value);
}

double Histogram::mean_ns() const {
  return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

int64_t Histogram::at(double part) const {
  const auto wanted = static_cast<uint64_t>(part * static_cast<double>(count_));
  uint64_t seen = 0;
  for (uint64_t index = 0; index < buckets_.size(); ++index) {
    seen += buckets_[index];
    if (buckets_[index] == 0 || seen < wanted) continue;
    if (index < 2 * kParts) return std::min(static_cast<int64_t>(index), max_);
    const uint64_t shift = index / kParts - 1;
    const uint64_t edge = ((index - shift * kParts + 1) << shift) - 1;
    return std::min(static_cast<int64_t>(edge), max_);
  }
  return max_;
}

std::string Histogram::json_us() const {
  const auto us = [](int64_t ns) { return static_cast<double>(ns) / 1000.0; };
  return fmt::format(
      R"({{"p50":{:.1f},"p90":{:.1f},"p99":{:.1f},"p999":{:.1f},"max":{:.1f},"mean":{:.1f}}})",
      us(at(0.5)), us(at(0.9)), us(at(0.99)), us(at(0.999)), us(max_), mean_ns() / 1000.0);
}

}  // namespace culvert::bench
