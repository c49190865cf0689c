// A strategy rests only where another one worked for the same request: where all fail, the target
// is broken and not the way to it.
#include "relay/upstream/strategy_memory.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

constexpr Duration kRest = std::chrono::seconds(30);
constexpr unsigned kDoublingsMost = 4;  // 8 minutes
// One request in so long walks all ways, also where nothing pays for further tries.
constexpr Duration kDoubt = std::chrono::seconds(5);

}  // namespace

StrategyMemory::Trial StrategyMemory::begin(const std::vector<Strategy>& configured) {
  return begin(configured, false);
}

StrategyMemory::Trial StrategyMemory::begin_early(const std::vector<Strategy>& configured) {
  return begin(configured, true);
}

StrategyMemory::Trial StrategyMemory::begin(const std::vector<Strategy>& configured, bool early) {
  Trial trial(*this, configured);
  if (!any_rests_.load()) return trial;
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  std::vector<Strategy>& order = trial.order_;
  std::vector<Strategy> later;
  for (const Strategy& strategy : configured) {
    Rest& state = rest(strategy);
    if (!state.resting) {
      order.push_back(strategy);
    } else if (!trial.tested_ && order.empty() && !state.being_tested &&
               (early || now >= state.until)) {
      state.being_tested = true;
      trial.tested_ = strategy;
      order.push_back(strategy);
    } else {
      later.push_back(strategy);
    }
  }
  order.insert(order.end(), later.begin(), later.end());
  return trial;
}

std::optional<Instant> StrategyMemory::rests_until(const std::vector<Strategy>& configured) const {
  if (!any_rests_.load()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const Rest* first = known(configured.front());
  if (first == nullptr || !first->resting || first->being_tested) return std::nullopt;
  return first->until;
}

Strategy StrategyMemory::in_use(const std::vector<Strategy>& configured) const {
  const std::lock_guard lock(mutex_);
  const auto used =
      std::find_if(configured.begin(), configured.end(), [this](const Strategy& strategy) {
        const Rest* state = known(strategy);
        return state == nullptr || !state->resting;
      });
  return used == configured.end() ? configured.front() : *used;
}

StrategyMemory::Rest& StrategyMemory::rest(const Strategy& strategy) {
  for (auto& [name, state] : rests_) {
    if (name == strategy) return state;
  }
  return rests_.emplace_back(strategy, Rest{}).second;
}

const StrategyMemory::Rest* StrategyMemory::known(const Strategy& strategy) const {
  for (const auto& [name, state] : rests_) {
    if (name == strategy) return &state;
  }
  return nullptr;
}

void StrategyMemory::begin_rest(const Strategy& strategy) {
  const Rest& state = rest(strategy);
  // Those who failed at the same time have failed once.
  if (!state.resting || clock_.now() >= state.until) rest_longer(strategy);
}

void StrategyMemory::rest_longer(const Strategy& strategy) {
  Rest& state = rest(strategy);
  state.doublings = state.resting ? std::min(state.doublings + 1, kDoublingsMost) : 0;
  state.resting = true;
  state.until = clock_.now() + kRest * (int64_t{1} << state.doublings);
  any_rests_.store(true);
}

void StrategyMemory::end_rest(const Strategy& strategy) {
  rest(strategy).resting = false;
  any_rests_.store(std::any_of(rests_.begin(), rests_.end(),
                               [](const auto& one) { return one.second.resting; }));
}

StrategyMemory::Trial::Trial(StrategyMemory& state, const std::vector<Strategy>& configured)
    : state_(&state), configured_(&configured) {}

StrategyMemory::Trial::Trial(Trial&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)),
      configured_(other.configured_),
      order_(std::move(other.order_)),
      at_(other.at_),
      tested_(std::move(other.tested_)) {}

StrategyMemory::Trial& StrategyMemory::Trial::operator=(Trial&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(configured_, other.configured_);
  std::swap(order_, other.order_);
  std::swap(at_, other.at_);
  std::swap(tested_, other.tested_);
  return *this;
}

StrategyMemory::Trial::~Trial() {
  if (state_ == nullptr || !tested_) return;
  const std::lock_guard lock(state_->mutex_);
  state_->rest(*tested_).being_tested = false;
}

void StrategyMemory::Trial::next() {
  ++at_;
  // The others do not walk along, as long as this one is on its way.
  if (state_->doubted_until_.load() != 0) state_->doubt();
}

void StrategyMemory::Trial::all_failed() {
  if (order().size() > 1 && at_ + 1 == order().size()) state_->doubt();
}

void StrategyMemory::Trial::failed() {
  if (!tested_) return;
  const std::lock_guard lock(state_->mutex_);
  state_->rest_longer(*tested_);
}

void StrategyMemory::doubt() {
  doubted_until_.store((clock_.now() + kDoubt).time_since_epoch().count());
}

bool StrategyMemory::Trial::doubtful() const {
  return state_->clock_.now().time_since_epoch().count() < state_->doubted_until_.load();
}

void StrategyMemory::Trial::worked() {
  if (state_->doubted_until_.load(std::memory_order_relaxed) != 0) {
    state_->doubted_until_.store(0);
  }
  if (at_ == 0 && !state_->any_rests_.load()) return;
  const std::lock_guard lock(state_->mutex_);
  for (size_t i = 0; i < at_; ++i) state_->begin_rest(order()[i]);
  if (state_->rest(current()).resting) state_->end_rest(current());
}

}  // namespace culvert
