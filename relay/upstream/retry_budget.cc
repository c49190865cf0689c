// Buckets are of a second. Requests are summed over a little less than 10 s and tries over a little
// more, so that no window of 10 s holds too many. A budget that were the sum of share and reserve
// would, with one request a second, be mostly reserve; the greater of both is not.
#include "relay/upstream/retry_budget.h"

#include <algorithm>
#include <chrono>

namespace culvert {
namespace {

constexpr Duration kBucket = std::chrono::seconds(1);
constexpr size_t kRequestBuckets = 10;
constexpr size_t kTryBuckets = 11;
static_assert(kTryBuckets <= RollingCounts::kBuckets);
constexpr std::chrono::duration<double> kReserveTime = std::chrono::minutes(1);
constexpr double kDebtMost = 3;  // minutes' worth of it

}  // namespace

void RetryBudget::count_request() {
  counts_.add(RollingCounts::Kind::kFirst, clock_.now(), kBucket);
}

bool RetryBudget::take(const RetrySettings& settings, Prospect prospect) {
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  refill(settings, now);
  const uint64_t requests = counts_.sum(RollingCounts::Kind::kFirst, now, kBucket, kRequestBuckets);
  const uint64_t tries = counts_.sum(RollingCounts::Kind::kSecond, now, kBucket, kTryBuckets);
  const bool shared =
      prospect == Prospect::kFair && tries < requests * settings.budget_percent / 100;
  if (!shared && reserve_ < 1) return false;
  spend(now, 0);
  return true;
}

void RetryBudget::charge(const RetrySettings& settings) {
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  refill(settings, now);
  spend(now, -kDebtMost * settings.budget_least);
}

// The first caller's settings fill it; later ones may be another configuration's.
void RetryBudget::refill(const RetrySettings& settings, Instant now) {
  const double most = settings.budget_least;
  const std::chrono::duration<double> passed = now - refilled_;
  reserve_ = begun_ ? std::min(most, reserve_ + most * (passed / kReserveTime)) : most;
  begun_ = true;
  refilled_ = now;
}

// Debts stay.
void RetryBudget::spend(Instant now, double least) {
  reserve_ = std::min(reserve_, std::max(least, reserve_ - 1));
  counts_.add(RollingCounts::Kind::kSecond, now, kBucket);
}

}  // namespace culvert
