// The way of one request through what its route offers: destinations, in each its targets, in each
// its ways of connecting. Knows what was tried and tells the health board how that went; knows no
// channel and no protocol. Owned by the session, on its thread.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/base/short_list.h"
#include "relay/config/snapshot.h"
#include "relay/flow/retry.h"
#include "relay/upstream/health_board.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace culvert {

// A place where a request may go. What it points to is of the table that the session keeps.
struct Stop {
  const Destination* destination = nullptr;      // null: the request named the alias itself
  const Upstream* upstream = nullptr;            // never null
  std::shared_ptr<const UpstreamHealth> health;  // joined with it, or its guest
  std::optional<RetrySettings> own_retry;        // merged with the route's; none: the upstream's
  bool upgrades = false;                         // of its strategies those that can

  const RetrySettings& retry() const { return own_retry ? *own_retry : upstream->retry; }
};
using Stops = ShortList<Stop, 1>;

class Course {
 public:
  // The clock and the random numbers outlive it. stops: in the order of preference, not empty.
  // Moved before begin() only.
  Course(const Clock& clock, Random& random, bool aggressive_fallback, Stops stops);

  // Where the next attempt goes. Valid after begin(), and changed by judge() alone.
  struct Step {
    const Stop* stop = nullptr;
    size_t target = 0;  // index in stop->upstream->targets
    Strategy strategy = Strategy::kSocket;
    bool fresh_connection = false;  // no pooled one: the last had died
  };
  // The first destination that is well; where none is, the first of all.
  const Step& begin();
  const Step& step() const { return step_; }
  const Target& target() const { return step_.stop->upstream->targets[step_.target]; }

  // Once for each attempt: at its answer's head, or when it came to nothing, or when it was not
  // made because a limit or the keys of its upstream forbade it. Tells whoever has to know, and
  // where the decision is to try again, step() is where. Decision::pause is to be kept before that.
  Decision judge(const Ending& ending, const Progress& progress);

  // After judge() had accepted an answer: it broke off by the upstream's fault.
  void broke_off();

  // The answer that judge() had accepted broke off and is taken up again, with new bounds: step()
  // is at another target, at another destination, or where it was. same_place: only there.
  void begin_again(bool same_place);

  // For the log: attempts so far, each strategy and connection by itself.
  uint32_t calls() const { return calls_; }

 private:
  struct Visit {
    ShortList<size_t, 4> tried;  // targets
    std::vector<Strategy> ways;  // those that upgrade, where that matters; else the upstream's
    bool called = false;
  };
  void enter(size_t stop, Leniency leniency);
  void take(UpstreamHealth::Choice choice);
  const std::vector<Strategy>& ways();
  std::optional<size_t> next_well_stop() const;
  bool called_before(const Upstream& upstream) const;
  Left left(const Ending& ending) const;
  Decision decide_within_budget(const Ending& ending, const Progress& progress);
  void begin_anew();
  bool is_further_try(const Decision& decision, const Ending& ending) const;
  RetryBudget::Prospect prospect(Next next) const;
  bool known_to_fail() const;
  void tell(const Ending& ending, const Decision& decision);
  void move(const Decision& decision);
  void move_to_target(Leniency leniency);
  const Upstream& upstream() const { return *step_.stop->upstream; }
  const UpstreamHealth& health() const { return *step_.stop->health; }

  const Clock& clock_;
  Random& random_;
  const bool aggressive_fallback_;
  Instant started_;
  Stops stops_;
  ShortList<Visit, 1> visits_;  // of each stop
  size_t at_ = 0;
  Step step_;
  std::optional<Breaker::Pass> pass_;
  std::optional<StrategyMemory::Trial> trial_;
  bool owed_ = false;  // see Left
  bool freshened_ = false;
  uint32_t attempts_ = 0;
  uint32_t pauses_ = 0;
  uint32_t calls_ = 0;
};

}  // namespace culvert
