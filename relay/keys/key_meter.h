// What one key was used for lately, so that its limits are kept before the upstream refuses. Counts
// only where a pool that holds the key has limits. Any thread; its mutex is held for a few
// additions.
#pragma once

#include "relay/base/clock.h"
#include "relay/config/snapshot.h"
#include "relay/keys/rolling_count.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

namespace culvert {

class KeyMeter {
 public:
  void begin();  // it counts from here on
  bool counts() const { return counts_.load(std::memory_order_relaxed); }

  // Counts a request where every limit has room for one. Where not, nothing is counted, and this is
  // when there will be room. Tokens are known only after an answer, so that the last request before
  // a limit of tokens may go beyond it.
  std::optional<Instant> reserve(const KeyLimits& limits, Instant now);
  void add_tokens(uint64_t tokens, Instant now);

 private:
  struct Windows {
    RollingCount minute_requests;
    RollingCount minute_tokens;
    RollingCount day_requests;
    RollingCount day_tokens;
  };

  std::atomic<bool> counts_{false};
  std::mutex mutex_;
  std::optional<Windows> windows_;
};

}  // namespace culvert
