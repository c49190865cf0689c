// How many further tries an upstream is given, as a share of its requests, so that an outage is not
// multiplied. One for each upstream and process; any thread.
#pragma once

#include "relay/base/clock.h"
#include "relay/config/snapshot.h"
#include "relay/upstream/rolling_counts.h"

#include <mutex>

namespace culvert {

class RetryBudget {
 public:
  explicit RetryBudget(const Clock& clock) : clock_(clock) {}  // outlives it

  // A request's first try at the upstream. Without a lock.
  void count_request();

  // A further one of the same request. False: it would be one too many. In any 10 s that end with
  // one that is granted there are at most budget_percent of the requests, and budget_least.
  bool take(const RetrySettings& settings);

 private:
  const Clock& clock_;
  std::mutex mutex_;      // around looking and taking
  RollingCounts counts_;  // first: requests, second: further tries
};

}  // namespace culvert
