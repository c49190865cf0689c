// A sum over the time that has just passed, in buckets. What was counted leaves it at the latest
// one bucket late, never early: who keeps a limit by it keeps it in every window. Not thread-safe.
#pragma once

#include "relay/base/clock.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace culvert {

class RollingCount {
 public:
  RollingCount(Duration bucket, size_t buckets);  // the window is their product

  void add(uint64_t amount, Instant now);
  uint64_t total(Instant now);
  // When the total will be below `limit` (at least 1) if nothing is added: now where it is.
  Instant below(uint64_t limit, Instant now);

 private:
  void move_to(Instant now);
  uint64_t& of(int64_t number) { return counts_[static_cast<size_t>(number) % counts_.size()]; }

  int64_t bucket_;                // nanoseconds
  std::vector<uint64_t> counts_;  // one more than fits into the window: the current one
  int64_t current_ = 0;           // number of the current bucket since the clock's beginning
  uint64_t total_ = 0;
};

}  // namespace culvert
