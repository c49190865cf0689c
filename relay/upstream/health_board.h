// What the process knows of its upstreams' health: breakers, retry budgets, concurrency and
// strategies. It outlives configurations: a table joins each of its upstreams once, and finds what
// is still known of it. Bounded by the tables that are in use, and by an LRU for hosts that no
// Upstream names. Any thread.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/config/snapshot.h"
#include "relay/upstream/breaker.h"
#include "relay/upstream/check_record.h"
#include "relay/upstream/concurrency.h"
#include "relay/upstream/retry_budget.h"
#include "relay/upstream/strategy_memory.h"
#include "relay/upstream/targets.h"

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace culvert {

struct TargetHealth {
  explicit TargetHealth(const Clock& clock) : breaker(clock), strategies(clock) {}
  Breaker breaker;
  StrategyMemory strategies;
  CheckRecord checks;
};

// Of one upstream, in one table: its targets stand in the table's order. What it leads to is shared
// by all tables.
class UpstreamHealth {
 public:
  struct Choice {
    size_t target = 0;
    Breaker::Pass pass;
  };
  // A target that is not among `tried`, with the right to go there. nullopt: none is left, by that
  // leniency. `upstream` is the one that was joined; it outlives the pass.
  std::optional<Choice> choose(const Upstream& upstream,
                               std::span<const size_t> tried,
                               Leniency leniency,
                               Random& random) const;
  // Whether choose() would find one.
  bool has(const Upstream& upstream, std::span<const size_t> tried, Leniency leniency) const;

  TargetHealth& target(size_t index) const { return *targets_[index]; }
  RetryBudget& budget() const { return shared_->budget; }
  Concurrency& concurrency() const { return *shared_->concurrency; }

  // For the status page and metrics.
  struct TargetReport {
    std::string url;
    BreakerState state = BreakerState::kClosed;
    uint32_t consecutive_failures = 0;
    int64_t in_flight = 0;
    Strategy strategy = Strategy::kSocket;  // what a request would begin with
    CheckRecord::Report checks;
  };
  struct Report {
    Concurrency::Report concurrency;
    std::vector<TargetReport> targets;
  };
  Report report(const Upstream& upstream) const;

 private:
  friend class HealthBoard;
  struct Shared {
    Shared(const std::string& name, const Clock& clock);
    RetryBudget budget;
    std::shared_ptr<Concurrency> concurrency;
    std::unordered_map<std::string, std::weak_ptr<TargetHealth>> targets;  // by URL
  };
  TargetViews views(const Upstream& upstream, std::span<const size_t> tried) const;

  std::shared_ptr<Shared> shared_;
  std::vector<std::shared_ptr<TargetHealth>> targets_;
};

class HealthBoard {
 public:
  // The clock outlives it and what it hands out.
  explicit HealthBoard(const Clock& clock) : clock_(clock) {}

  std::shared_ptr<const UpstreamHealth> join(const Upstream& upstream);

  // For a host that a client names, put into the form of an Upstream with one target: what is known
  // of that host, as long as it is among the limits::kKnownHosts used last.
  std::shared_ptr<const UpstreamHealth> guest(const Upstream& upstream);

  size_t known_upstreams() const;  // for tests of the memory bounds
  size_t known_hosts() const;

 private:
  std::shared_ptr<UpstreamHealth> made(const Upstream& upstream,
                                       std::shared_ptr<UpstreamHealth::Shared> shared) const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<UpstreamHealth::Shared>> upstreams_;  // by name
  using Recent = std::list<std::pair<std::string, std::shared_ptr<const UpstreamHealth>>>;
  Recent recent_;  // guests, most recently used first
  std::unordered_map<std::string_view, Recent::iterator> guests_;  // names lie in recent_
};

}  // namespace culvert
