// Closed → open by failures; open → half-open by time; half-open → closed or open by its probe.
#include "relay/upstream/breaker.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

constexpr size_t kWindowBuckets = RollingCounts::kBuckets - 1;
constexpr unsigned kDoublingsMost = 4;  // 16-fold
constexpr uint32_t kDeadAfter = 5;      // where consecutive failures do not open it

int64_t nanoseconds(Instant time) { return time.time_since_epoch().count(); }

Duration bucket_width(const BreakerSettings& settings) {
  return std::max<Duration>(settings.window / static_cast<int64_t>(kWindowBuckets),
                            std::chrono::milliseconds(1));
}

}  // namespace

std::string_view to_string(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed:
      return "closed";
    case BreakerState::kOpen:
      return "open";
    case BreakerState::kHalfOpen:
      return "half_open";
  }
  return "closed";
}

std::optional<Breaker::Pass> Breaker::admit(const BreakerSettings& settings) {
  if (!settings.on || !open_.load()) return Pass(*this, settings, false);
  const std::lock_guard lock(mutex_);
  if (!open_.load()) return Pass(*this, settings, false);
  if (clock_.now() < open_until() || probing_.load()) return std::nullopt;
  probing_.store(true);
  return Pass(*this, settings, true);
}

std::optional<Breaker::Pass> Breaker::probe_early(const BreakerSettings& settings) {
  const std::lock_guard lock(mutex_);
  if (!open_.load() || probing_.load()) return std::nullopt;
  probing_.store(true);
  return Pass(*this, settings, true);
}

bool Breaker::refuses(const BreakerSettings& settings) const {
  if (!settings.on || !open_.load()) return false;
  return probing_.load() || clock_.now() < open_until();
}

BreakerState Breaker::state() const {
  if (!open_.load()) return BreakerState::kClosed;
  return clock_.now() < open_until() ? BreakerState::kOpen : BreakerState::kHalfOpen;
}

Breaker::Pass::Pass(Breaker& breaker, const BreakerSettings& settings, bool probe)
    : breaker_(&breaker), settings_(&settings), opening_(breaker.openings_.load()), probe_(probe) {
  breaker_->in_flight_.fetch_add(1, std::memory_order_relaxed);
}

Breaker::Pass::Pass(Pass&& other) noexcept
    : breaker_(std::exchange(other.breaker_, nullptr)),
      settings_(other.settings_),
      opening_(other.opening_),
      probe_(other.probe_) {}

Breaker::Pass& Breaker::Pass::operator=(Pass&& other) noexcept {
  std::swap(breaker_, other.breaker_);
  std::swap(settings_, other.settings_);
  std::swap(opening_, other.opening_);
  std::swap(probe_, other.probe_);
  return *this;
}

Breaker::Pass::~Pass() {
  if (breaker_ == nullptr) return;
  breaker_->in_flight_.fetch_sub(1, std::memory_order_relaxed);
  if (!probe_) return;
  const std::lock_guard lock(breaker_->mutex_);
  // One that has told its result is the probe no longer.
  if (opening_ == breaker_->openings_.load()) breaker_->probing_.store(false);
}

void Breaker::Pass::succeeded() {
  if (!settings_->on || opening_ != breaker_->openings_.load()) return;
  if (breaker_->unreachable_.load(std::memory_order_relaxed) != 0) breaker_->unreachable_.store(0);
  if (breaker_->open_.load()) {
    const std::lock_guard lock(breaker_->mutex_);
    if (opening_ == breaker_->openings_.load() && breaker_->open_.load()) breaker_->close();
    return;
  }
  if (breaker_->consecutive_.load(std::memory_order_relaxed) != 0) breaker_->consecutive_.store(0);
  if (settings_->error_percent == 0) return;
  breaker_->counts_.add(RollingCounts::Kind::kFirst, breaker_->clock_.now(),
                        bucket_width(*settings_));
}

void Breaker::Pass::failed(bool unreachable) {
  if (!settings_->on) return;
  const std::lock_guard lock(breaker_->mutex_);
  // What began before the breaker opened tells of the time before.
  if (opening_ != breaker_->openings_.load()) return;
  breaker_->unreachable_.store(unreachable ? breaker_->unreachable_.load() + 1 : 0);
  if (breaker_->open_.load()) {
    if (probe_) breaker_->open(*settings_);
    return;
  }
  breaker_->consecutive_.fetch_add(1);
  breaker_->counts_.add(RollingCounts::Kind::kSecond, breaker_->clock_.now(),
                        bucket_width(*settings_));
  if (breaker_->trips(*settings_)) breaker_->open(*settings_);
}

bool Breaker::dead(const BreakerSettings& settings) const {
  const uint32_t least =
      settings.consecutive_failures > 0 ? settings.consecutive_failures : kDeadAfter;
  return settings.on && open_.load() && unreachable_.load() >= least;
}

bool Breaker::trips(const BreakerSettings& settings) const {
  if (settings.consecutive_failures > 0 && consecutive_.load() >= settings.consecutive_failures) {
    return true;
  }
  if (settings.error_percent == 0) return false;
  const Instant now = clock_.now();
  const Duration width = bucket_width(settings);
  const uint64_t well = counts_.sum(RollingCounts::Kind::kFirst, now, width, kWindowBuckets);
  const uint64_t ill = counts_.sum(RollingCounts::Kind::kSecond, now, width, kWindowBuckets);
  const uint64_t all = well + ill;
  return all >= settings.requests_least && ill * 100 >= all * settings.error_percent;
}

// With the lock held. A target that fails again soon after it was let back has not recovered: the
// time goes on doubling where it was.
void Breaker::open(const BreakerSettings& settings) {
  const Instant now = clock_.now();
  const bool again = open_.load() || (closed_at_ && now - *closed_at_ < settings.window);
  doublings_ = again ? std::min(doublings_ + 1, kDoublingsMost) : 0;
  if (!open_.load()) open_since_.store(nanoseconds(now));
  open_until_.store(nanoseconds(now + settings.open * (int64_t{1} << doublings_)));
  probing_.store(false);
  openings_.fetch_add(1);
  open_.store(true);
}

void Breaker::close() {
  closed_at_ = clock_.now();
  consecutive_.store(0);
  counts_.clear();
  probing_.store(false);
  open_.store(false);
}

}  // namespace culvert
