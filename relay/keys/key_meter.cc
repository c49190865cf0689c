// Two windows, two measures.
#include "relay/keys/key_meter.h"

#include <algorithm>

namespace culvert {
namespace {

// 1.3 KiB for a key; a limit is given back at the most 2 s, or half an hour, late.
constexpr auto kMinuteBucket = std::chrono::seconds(2);
constexpr auto kDayBucket = std::chrono::minutes(30);

Instant room(RollingCount& count, uint64_t limit, Instant now) {
  return limit == 0 ? now : count.below(limit, now);
}

}  // namespace

void KeyMeter::begin() {
  const std::lock_guard lock(mutex_);
  if (windows_) return;
  const RollingCount minute(kMinuteBucket, std::chrono::minutes(1) / kMinuteBucket);
  const RollingCount day(kDayBucket, std::chrono::hours(24) / kDayBucket);
  windows_ = Windows{minute, minute, day, day};
  counts_.store(true, std::memory_order_relaxed);
}

std::optional<Instant> KeyMeter::reserve(const KeyLimits& limits, Instant now) {
  if (!counts()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const Instant free = std::max({room(windows_->minute_requests, limits.requests_per_minute, now),
                                 room(windows_->minute_tokens, limits.tokens_per_minute, now),
                                 room(windows_->day_requests, limits.requests_per_day, now),
                                 room(windows_->day_tokens, limits.tokens_per_day, now)});
  if (free > now) return free;
  windows_->minute_requests.add(1, now);
  windows_->day_requests.add(1, now);
  return std::nullopt;
}

void KeyMeter::add_tokens(uint64_t tokens, Instant now) {
  if (!counts() || tokens == 0) return;
  const std::lock_guard lock(mutex_);
  windows_->minute_tokens.add(tokens, now);
  windows_->day_tokens.add(tokens, now);
}

}  // namespace culvert
