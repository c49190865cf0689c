// A bucket for each address that refills with time.
#include "relay/gate/stranger_limits.h"

#include <algorithm>
#include <cmath>

namespace culvert {
namespace {

double refilled(double left, Duration since, uint32_t per_minute) {
  return std::min<double>(per_minute, left + seconds(since) / 60 * per_minute);
}

}  // namespace

Result<void> StrangerLimits::take(const Address& address,
                                  uint32_t count,
                                  uint32_t per_minute,
                                  Instant now) {
  if (per_minute == 0) {
    return Error::client(Code::kUnauthorized, Stage::kAuth, "a relay token is needed here");
  }
  const Address network = address.truncated(address.is_v4() ? 32 : 64);
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMost) forget(per_minute, now);
  auto found = known_.find(network);
  if (found == known_.end() && known_.size() < kMost) {
    found = known_.emplace(network, Allowance{static_cast<double>(per_minute), now}).first;
  }
  double left = 0;
  if (found != known_.end()) {
    left = refilled(found->second.left, now - found->second.at, per_minute);
    found->second = {left, now};
  }
  if (left >= count) {
    found->second.left -= count;
    return {};
  }
  Error error = Error::client(Code::kRateLimited, Stage::kLimit,
                              "without a relay token, " + std::to_string(per_minute) +
                                  " keys a minute can be tested from one address");
  const double missing = std::min<double>(count, per_minute) - left;
  error.retry_after = std::max<int64_t>(1, std::lround(std::ceil(missing * 60 / per_minute)));
  return error;
}

// Those that rested long enough have what new ones have.
void StrangerLimits::forget(uint32_t per_minute, Instant now) {
  std::erase_if(known_, [&](const auto& item) {
    return refilled(item.second.left, now - item.second.at, per_minute) >= per_minute;
  });
}

size_t StrangerLimits::addresses() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

}  // namespace culvert
