// Buckets are of a second. Requests are summed over a little less than 10 s and tries over a little
// more, so that no window of 10 s holds too many.
#include "relay/upstream/retry_budget.h"

namespace culvert {
namespace {

constexpr Duration kBucket = std::chrono::seconds(1);
constexpr size_t kRequestBuckets = 10;
constexpr size_t kTryBuckets = 11;
static_assert(kTryBuckets <= RollingCounts::kBuckets);

}  // namespace

void RetryBudget::count_request() {
  counts_.add(RollingCounts::Kind::kFirst, clock_.now(), kBucket);
}

bool RetryBudget::take(const RetrySettings& settings) {
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  const uint64_t requests = counts_.sum(RollingCounts::Kind::kFirst, now, kBucket, kRequestBuckets);
  const uint64_t tries = counts_.sum(RollingCounts::Kind::kSecond, now, kBucket, kTryBuckets);
  if (tries >= requests * settings.budget_percent / 100 + settings.budget_least) return false;
  counts_.add(RollingCounts::Kind::kSecond, now, kBucket);
  return true;
}

}  // namespace culvert
