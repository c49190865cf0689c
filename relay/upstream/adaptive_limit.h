// How many requests an upstream is given at once, found by how it takes them: the limit falls by a
// factor where it says that it is overloaded, grows by steps where it is used fully and well
// (AIMD), and is forgotten where it is not reached for a while. Pure; Concurrency calls it under
// its lock.
#pragma once

#include "relay/base/clock.h"
#include "relay/config/snapshot.h"

#include <cstdint>

namespace culvert {

class AdaptiveLimit {
 public:
  uint32_t limit(const ConcurrencySettings& settings) const;

  // An answer that tells of no overload. full: the limit was reached when it came.
  void good(Instant now, bool full, const ConcurrencySettings& settings);

  // One that does. A request from before the last fall tells nothing of the new limit. used: how
  // many requests were running.
  void overloaded(Instant now, Instant began, uint32_t used, const ConcurrencySettings& settings);

 private:
  void count(Instant now, bool well);
  bool too_many() const;

  double limit_ = 0;      // 0: never fell, so that it is the settings' most
  double recovered_ = 0;  // where the present series of falls began; up to there steps are large
  double step_ = 1;       // for each round in which the limit was full
  Instant fell_{};
  Instant counting_since_{};
  double well_ = 0;  // answers of late
  double ill_ = 0;
};

}  // namespace culvert
