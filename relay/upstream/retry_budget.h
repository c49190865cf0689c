// How many further tries an upstream is given, as a share of its requests, so that an outage is not
// multiplied. One for each upstream and process; any thread.
#pragma once

#include "relay/base/clock.h"
#include "relay/config/snapshot.h"
#include "relay/upstream/rolling_counts.h"

#include <cstdint>
#include <mutex>

namespace culvert {

class RetryBudget {
 public:
  explicit RetryBudget(const Clock& clock) : clock_(clock) {}  // outlives it

  // A request's first try at the upstream. Without a lock.
  void count_request();

  // What is known of the place where the further try would go.
  enum class Prospect : uint8_t {
    kFair,  // nothing speaks against it
    kPoor,  // it is known to fail: only the reserve pays
  };
  // A further try of the same request. False: it would be one too many. Two sources pay: a share,
  // budget_percent of the requests of the last 10 s, and a reserve of budget_least a minute, which
  // every further try draws on as well: where there is a share, the reserve adds nothing to it.
  bool take(const RetrySettings& settings, Prospect prospect = Prospect::kFair);

  // A further try that is made in any case: it is counted, and the reserve runs into debt for it,
  // so that others are not made.
  void charge(const RetrySettings& settings);

 private:
  void refill(const RetrySettings& settings, Instant now);
  void spend(Instant now, double least);

  const Clock& clock_;
  std::mutex mutex_;      // around looking and taking
  RollingCounts counts_;  // first: requests, second: further tries
  Instant refilled_{};
  double reserve_ = 0;
  bool begun_ = false;
};

}  // namespace culvert
