// What an answer does to the key that paid for it.
#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/keys/pool.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

// A key that is asked again at once after "in 0 seconds" would be asked in a circle.
constexpr Duration kRestLeast = std::chrono::seconds(1);

int64_t nanoseconds(Instant time) { return time.time_since_epoch().count(); }

}  // namespace

Lease::Lease(std::shared_ptr<const KeyPoolState> pool,
             size_t index,
             bool test,
             std::string_view model)
    : pool_(std::move(pool)), index_(index), test_(test), model_(model) {
  KeyState& state = *pool_->keys_[index_].state;
  state.in_flight.fetch_add(1);
  state.used.fetch_add(1);
  setbacks_ = state.setbacks.load();
}

Lease::Lease(Lease&& other) noexcept = default;

Lease& Lease::operator=(Lease&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(index_, other.index_);
  std::swap(setbacks_, other.setbacks_);
  std::swap(test_, other.test_);
  std::swap(model_, other.model_);
  return *this;
}

Lease::~Lease() {
  if (pool_ == nullptr) return;
  KeyState& state = *pool_->keys_[index_].state;
  state.in_flight.fetch_sub(1);
  if (test_) state.being_tested.store(false);
}

const Secret& Lease::key() const { return pool_->keys_[index_].secret; }
const std::string& Lease::masked() const { return pool_->keys_[index_].masked; }
const Exit& Lease::way_out() const { return pool_->keys_[index_].exit; }

void Lease::count_tokens(uint64_t tokens) {
  pool_->keys_[index_].state->meter.add_tokens(tokens, pool_->clock_->now());
}

void Lease::report(const KeyRefusal& refusal) {
  switch (refusal.kind) {
    case RefusalKind::kNone:
      return good();
    case RefusalKind::kOtherKey:  // neither good nor bad
      return;
    case RefusalKind::kRate:
      return rate_limited(refusal.wait);
    case RefusalKind::kQuota:
      return used_up(refusal);
    case RefusalKind::kBilling:
    case RefusalKind::kSuspended:
    case RefusalKind::kInvalid:
    case RefusalKind::kUnknown:
      return pool_->isolate(index_, refusal.kind);
  }
}

void Lease::report(KeyVerdict verdict, std::optional<Duration> wait) {
  switch (verdict) {
    case KeyVerdict::kGood:
      return good();
    case KeyVerdict::kRateLimited:
      return rate_limited(wait);
    case KeyVerdict::kRefused:
      return pool_->isolate(index_, RefusalKind::kUnknown);
  }
}

void Lease::good() {
  KeyState& state = *pool_->keys_[index_].state;
  // An answer to a question from before the setback says nothing about now.
  if (state.setbacks.load() != setbacks_) return;
  state.failures.store(0, std::memory_order_relaxed);
  if (state.suspect.load()) pool_->bring_back(index_);
}

void Lease::rate_limited(std::optional<Duration> wait) {
  KeyState& state = *pool_->keys_[index_].state;
  state.setbacks.fetch_add(1);
  const Duration rest =
      std::clamp<Duration>(wait.value_or(pool_->rest_), kRestLeast, limits::kKeyRestMost);
  state.reason.store(RefusalKind::kRate);
  state.rests_until.store(nanoseconds(pool_->clock_->now() + rest));
  // An operator's key is news to the operator; any caller can bring keys that are refused.
  const auto tell = pool_->callers_ ? log::debug : log::info;
  tell("key rests",
       {{"upstream", pool_->upstream_}, {"key", masked()}, {"seconds", seconds(rest)}});
}

void Lease::used_up(const KeyRefusal& refusal) {
  KeyState& state = *pool_->keys_[index_].state;
  const Instant now = pool_->clock_->now();
  const Duration rest = std::clamp<Duration>(refusal.wait.value_or(limits::kKeyRestMost),
                                             kRestLeast, limits::kKeyQuotaMost);
  const bool of_model = refusal.of_model && !model_.empty();
  if (of_model) {
    state.models.rest(model_, now + rest, now);
  } else {
    state.setbacks.fetch_add(1);
    state.reason.store(RefusalKind::kQuota);
    state.rests_until.store(nanoseconds(now + rest));
  }
  const auto tell = pool_->callers_ ? log::debug : log::warn;
  tell("key has used up its quota", {{"upstream", pool_->upstream_},
                                     {"key", masked()},
                                     {"model", of_model ? model_ : ""},
                                     {"seconds", seconds(rest)}});
  pool_->tell_changes();
}

}  // namespace culvert
