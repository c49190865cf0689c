// A word is 20 bits of time, in bucket widths, and two counts of 22 bits. The time comes around
// after a million widths: a bucket that nobody touched for exactly so long counts once more.
#include "relay/upstream/rolling_counts.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr unsigned kCountBits = 22;
constexpr uint64_t kCountMost = (uint64_t{1} << kCountBits) - 1;
constexpr uint64_t kTimeMask = (uint64_t{1} << (64 - 2 * kCountBits)) - 1;

uint64_t epoch_of(Instant now, Duration width) {
  const int64_t step = std::max<int64_t>(1, width.count());
  return static_cast<uint64_t>(now.time_since_epoch().count() / step);
}

unsigned shift_of(RollingCounts::Kind kind) {
  return kind == RollingCounts::Kind::kFirst ? 0 : kCountBits;
}

uint64_t count_in(uint64_t word, RollingCounts::Kind kind) {
  return word >> shift_of(kind) & kCountMost;
}

uint64_t time_in(uint64_t word) { return word >> (2 * kCountBits); }

}  // namespace

void RollingCounts::add(Kind kind, Instant now, Duration width) {
  const uint64_t epoch = epoch_of(now, width);
  const uint64_t time = epoch & kTimeMask;
  std::atomic<uint64_t>& bucket = buckets_[epoch % kBuckets];
  uint64_t word = bucket.load(std::memory_order_relaxed);
  uint64_t next = 0;
  do {
    next = time_in(word) == time ? word : time << (2 * kCountBits);
    if (count_in(next, kind) == kCountMost) return;
    next += uint64_t{1} << shift_of(kind);
  } while (!bucket.compare_exchange_weak(word, next, std::memory_order_relaxed));
}

uint64_t RollingCounts::sum(Kind kind, Instant now, Duration width, size_t buckets) const {
  const uint64_t epoch = epoch_of(now, width);
  uint64_t total = 0;
  for (const std::atomic<uint64_t>& bucket : buckets_) {
    const uint64_t word = bucket.load(std::memory_order_relaxed);
    if (((epoch - time_in(word)) & kTimeMask) < buckets) total += count_in(word, kind);
  }
  return total;
}

void RollingCounts::clear() {
  for (std::atomic<uint64_t>& bucket : buckets_) bucket.store(0, std::memory_order_relaxed);
}

}  // namespace culvert
