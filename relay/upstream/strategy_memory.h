// Which way to a target works: after one strategy failed and a later one worked, the first rests,
// and a check in the background tries it again, or, where nothing is checked, one request at a
// time. A broken way costs one extra attempt at times, not one of every request. One for each
// target and process; any thread.
#pragma once

#include "relay/base/clock.h"
#include "relay/config/snapshot.h"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace culvert {

class StrategyMemory {
 public:
  explicit StrategyMemory(const Clock& clock) : clock_(clock) {}  // outlives it

  // One request's way through the strategies of the target. May outlive neither the state nor the
  // strategies that it was begun with.
  class Trial {
   public:
    Trial(Trial&& other) noexcept;
    Trial& operator=(Trial&& other) noexcept;
    ~Trial();

    const Strategy& current() const { return order()[at_]; }
    bool another() const { return at_ + 1 < order().size(); }
    // The present one came to nothing before the request could reach anybody; only where another().
    void next();
    // The present one reached the target: what failed before it rests, and it does not any more.
    void worked();
    // All of them failed, one after the other: for a while the target is the suspect and not the
    // way, and another way to it a further try like any other. After that one request at a time
    // walks them all, for as long as nothing worked.
    void all_failed();
    bool doubtful() const;
    // Of a check in the background, which walks no further: what it was to test rests on, longer.
    void failed();

   private:
    friend class StrategyMemory;
    Trial(StrategyMemory& state, const std::vector<Strategy>& configured);
    const std::vector<Strategy>& order() const { return order_.empty() ? *configured_ : order_; }

    StrategyMemory* state_;  // null: moved from
    const std::vector<Strategy>* configured_;
    std::vector<Strategy> order_;  // empty: as configured, as long as nothing rests
    size_t at_ = 0;
    std::optional<Strategy> tested_;  // rested, and this request is the one that tries it
  };

  // `configured` is not empty; what rests comes last, as long as its time is not up.
  Trial begin(const std::vector<Strategy>& configured);

  // When the rest of the first way ends; nullopt: it does not rest, or is being tested.
  std::optional<Instant> rests_until(const std::vector<Strategy>& configured) const;
  // That way first, before its time is up: for a check in the background, so that no client's
  // request has to find out. Where a request is testing it already, as begin().
  Trial begin_early(const std::vector<Strategy>& configured);

  // What a request would begin with now, for metrics and the status page.
  Strategy in_use(const std::vector<Strategy>& configured) const;

 private:
  struct Rest {
    Instant until{};
    unsigned doublings = 0;
    bool resting = false;
    bool being_tested = false;
  };
  Rest& rest(const Strategy& strategy);
  const Rest* known(const Strategy& strategy) const;  // null: it never rested
  Trial begin(const std::vector<Strategy>& configured, bool early);
  void begin_rest(const Strategy& strategy);
  void rest_longer(const Strategy& strategy);
  void end_rest(const Strategy& strategy);
  void doubt();

  const Clock& clock_;
  std::atomic<int64_t> doubted_until_{0};  // steady clock, nanoseconds; 0: something worked since
  std::atomic<bool> any_rests_{false};  // false: as configured, without a lock
  mutable std::mutex mutex_;
  std::vector<std::pair<Strategy, Rest>> rests_;  // of those that ever were configured
};

}  // namespace culvert
