// A ring of buckets that are emptied as time passes over them.
#include "relay/keys/rolling_count.h"

#include <algorithm>

namespace culvert {

RollingCount::RollingCount(Duration bucket, size_t buckets)
    : bucket_(bucket.count()), counts_(buckets + 1) {}

void RollingCount::add(uint64_t amount, Instant now) {
  move_to(now);
  of(current_) += amount;
  total_ += amount;
}

uint64_t RollingCount::total(Instant now) {
  move_to(now);
  return total_;
}

Instant RollingCount::below(uint64_t limit, Instant now) {
  move_to(now);
  uint64_t left = total_;
  const auto size = static_cast<int64_t>(counts_.size());
  for (int64_t number = current_ - size + 1; number <= current_ && left >= limit; ++number) {
    left -= of(number + size);  // the same bucket, and never negative
    if (left < limit) return Instant(Duration((number + size) * bucket_));
  }
  return now;
}

void RollingCount::move_to(Instant now) {
  const int64_t number = now.time_since_epoch().count() / bucket_;
  if (number <= current_) return;
  const int64_t first = std::max(current_ + 1, number - static_cast<int64_t>(counts_.size()) + 1);
  for (int64_t passed = first; passed <= number; ++passed) {
    total_ -= of(passed);
    of(passed) = 0;
  }
  current_ = number;
}

}  // namespace culvert
