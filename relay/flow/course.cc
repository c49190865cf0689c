// Choosing the first way, judging how it went, moving on.
#include "relay/flow/course.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace culvert {
namespace {

std::vector<Strategy> that_upgrade(std::vector<Strategy> ways) {
  std::erase(ways, Strategy::kFetch);
  if (ways.empty()) ways.push_back(Strategy::kSocket);  // refused before, where there is none
  return ways;
}

}  // namespace

Course::Course(const Clock& clock, Random& random, bool aggressive_fallback, Stops stops)
    : clock_(clock),
      random_(random),
      aggressive_fallback_(aggressive_fallback),
      started_(clock.now()),
      stops_(std::move(stops)) {
  assert(!stops_.empty());
  for (size_t i = 0; i < stops_.size(); ++i) visits_.push_back({});
}

const Course::Step& Course::begin() {
  const auto well = next_well_stop();
  enter(well.value_or(0), Leniency::kNotEjected);
  return step_;
}

void Course::enter(size_t stop, Leniency leniency) {
  at_ = stop;
  step_ = {.stop = &stops_[stop]};
  if (!called_before(upstream())) health().budget().count_request();
  move_to_target(leniency);
}

// What is asked for may be gone in the meantime, because another request was faster to probe it.
void Course::move_to_target(Leniency leniency) {
  const auto& tried = visits_[at_].tried;
  auto choice = health().choose(upstream(), tried, leniency, random_);
  if (!choice) choice = health().choose(upstream(), tried, Leniency::kAny, random_);
  // None at all: weights that are all zero, which the configuration is checked for.
  if (!choice) choice = {0, health().target(0).breaker.force(upstream().breaker)};
  const bool open = health().target(choice->target).breaker.state() != BreakerState::kClosed;
  const bool owed = open && (choice->pass.probe() || leniency == Leniency::kNotEjected);
  take(std::move(*choice));
  owed_ = owed;
}

void Course::take(UpstreamHealth::Choice choice) {
  TargetHealth& target = health().target(choice.target);
  owed_ = false;
  visits_[at_].tried.push_back(choice.target);
  pass_ = std::move(choice.pass);
  trial_ = target.strategies.begin(ways());
  step_.target = choice.target;
  step_.strategy = trial_->current();
  step_.fresh_connection = freshened_ = false;
}

const std::vector<Strategy>& Course::ways() {
  if (!step_.stop->upgrades) return upstream().strategies;
  auto& ways = visits_[at_].ways;
  if (ways.empty()) ways = that_upgrade(upstream().strategies);
  return ways;
}

std::optional<size_t> Course::next_well_stop() const {
  for (size_t i = 0; i < stops_.size(); ++i) {
    const bool here = i == at_ && step_.stop != nullptr;
    if (here || !visits_[i].tried.empty()) continue;
    if (stops_[i].health->has(*stops_[i].upstream, {}, Leniency::kWell)) return i;
  }
  return std::nullopt;
}

bool Course::called_before(const Upstream& upstream) const {
  for (size_t i = 0; i < stops_.size(); ++i) {
    if (visits_[i].called && stops_[i].upstream->name == upstream.name) return true;
  }
  return false;
}

Decision Course::judge(const Ending& ending, const Progress& progress) {
  const bool called = !refused_by_relay(ending);
  if (called) {
    ++calls_;
    ++attempts_;
    visits_[at_].called = true;
  }
  const Decision decision = decide_within_budget(ending, progress);
  tell(ending, decision);
  if (decision.next == Next::kOtherStrategy || decision.next == Next::kFreshConnection ||
      decision.next == Next::kOtherKey) {
    --attempts_;
  }
  move(decision);
  return decision;
}

Left Course::left(const Ending& ending) const {
  const auto& tried = visits_[at_].tried;
  Left left;
  left.fresh_connection = !freshened_;
  left.other_strategy = trial_->another();
  left.aggressive_fallback = aggressive_fallback_;
  left.attempts = attempts_;
  left.pauses = pauses_;
  left.elapsed = clock_.now() - started_;
  left.owed = owed_;
  if (!ending.error && ending.status < 400) return left;  // nothing will be asked
  left.other_target = health().has(upstream(), tried, Leniency::kWell);
  left.shunned_target = health().has(upstream(), tried, Leniency::kAny);
  left.other_destination = next_well_stop().has_value();
  return left;
}

// What the budget does not pay for is not left to try; what is left may still be.
Decision Course::decide_within_budget(const Ending& ending, const Progress& progress) {
  const RetrySettings& settings = step_.stop->retry();
  RetryBudget& budget = health().budget();
  Left what = left(ending);
  while (true) {
    Decision decision = decide(ending, progress, what, settings, random_);
    decision.counted = decision.counted || is_further_try(decision, ending);
    if (decision.counted) {
      if (budget.take(settings, prospect(decision.next))) return decision;
    } else {
      const bool extra = decision.next == Next::kOtherStrategy ||
                         (decision.next == Next::kOtherTarget && !unreachable(ending));
      if (extra) budget.charge(settings);
      return decision;
    }
    if (decision.next == Next::kOtherStrategy) {
      what.other_strategy = false;
    } else {
      what.budget = false;
      if (decision.next == Next::kOtherDestination) what.other_destination = false;
    }
  }
}

// Beyond those that decide() knows of.
bool Course::is_further_try(const Decision& decision, const Ending& ending) const {
  // Another model or key pool of an upstream that was called already.
  if (decision.next == Next::kOtherDestination) {
    return !ending.key_refused && called_before(*stops_[*next_well_stop()].upstream);
  }
  // A probe finds out whether any way leads there.
  if (decision.next != Next::kOtherStrategy || pass_->probe()) return false;
  return known_to_fail() || trial_->doubtful();
}

RetryBudget::Prospect Course::prospect(Next next) const {
  const bool poor = next == Next::kShunnedTarget || next == Next::kOtherStrategy ||
                    (next == Next::kSameTarget && known_to_fail());
  return poor ? RetryBudget::Prospect::kPoor : RetryBudget::Prospect::kFair;
}

bool Course::known_to_fail() const {
  return health().target(step_.target).breaker.state() != BreakerState::kClosed;
}

void Course::tell(const Ending& ending, const Decision& decision) {
  if (!ending.error) trial_->worked();
  const auto well = target_is_well(ending);
  if (!well || !pass_) return;
  if (*well) return pass_->succeeded();
  // The way failed and not the target, as long as another one is left.
  if (decision.next == Next::kOtherStrategy) return;
  if (unreachable(ending)) trial_->all_failed();
  pass_->failed(unreachable(ending));
}

void Course::move(const Decision& decision) {
  switch (decision.next) {
    case Next::kDone:
      return;
    case Next::kOtherKey:
      step_.fresh_connection = false;
      return;
    case Next::kFreshConnection:
      step_.fresh_connection = freshened_ = true;
      return;
    case Next::kOtherStrategy:
      trial_->next();
      step_.strategy = trial_->current();
      return;
    case Next::kOtherTarget:
      return move_to_target(Leniency::kWell);
    case Next::kShunnedTarget:
      return move_to_target(Leniency::kAny);
    case Next::kOtherDestination:
      return enter(*next_well_stop(), Leniency::kWell);
    case Next::kSameTarget:
      ++pauses_;
      // No probe: its turn is not kept for the length of a pause.
      take({step_.target, health().target(step_.target).breaker.force(upstream().breaker)});
      return;
  }
}

void Course::begin_anew() {
  started_ = clock_.now();
  attempts_ = pauses_ = 0;
  for (Visit& visit : visits_) visit.tried.clear();
  visits_[at_].tried.push_back(step_.target);
}

// It is counted as any further try; that it is made is its stream's own bound, because half of an
// answer is worth more than a request that has not begun.
void Course::begin_again(bool same_place) {
  begin_anew();
  const auto& tried = visits_[at_].tried;
  const bool elsewhere = !same_place && health().has(upstream(), tried, Leniency::kWell);
  std::optional<size_t> stop;
  if (!same_place && !elsewhere) stop = next_well_stop();
  if (!stop || called_before(*stops_[*stop].upstream)) {
    const Stop& charged = stops_[stop.value_or(at_)];
    charged.health->budget().charge(charged.retry());
  }
  if (elsewhere) return move_to_target(Leniency::kWell);
  if (stop) return enter(*stop, Leniency::kWell);
  take({step_.target, health().target(step_.target).breaker.force(upstream().breaker)});
}

void Course::broke_off() {
  if (pass_) pass_->failed();
}

}  // namespace culvert
