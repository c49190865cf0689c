// Models that a key may not be asked for until a time, while it serves others: Google counts its
// daily quotas by model. Few, bounded, and mostly none, which costs one load. Any thread.
#pragma once

#include "relay/base/clock.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace culvert {

class ModelRests {
 public:
  void rest(std::string_view model, Instant until, Instant now);
  // Until when; the clock's beginning where the model is free.
  Instant resting(std::string_view model) const;

 private:
  static constexpr size_t kMost = 32;  // models of one key; the one that ends first makes room

  struct Rest {
    uint64_t model = 0;  // its hash
    Instant until;
  };
  std::atomic<bool> any_{false};
  mutable std::mutex mutex_;
  std::vector<Rest> rests_;
};

}  // namespace culvert
