// A bucket that is full again says nothing and is forgotten.
#include "control/fleet/throttle.h"

#include <algorithm>

namespace culvert::control {

bool Throttle::take(const std::string& address) {
  const Instant now = clock_.now();
  const std::lock_guard lock(mutex_);
  auto found = buckets_.find(address);
  if (found == buckets_.end()) {
    if (buckets_.size() >= terms_.addresses) make_room(now);
    found = buckets_.insert({address, {terms_.burst, now}}).first;
  }
  Bucket& bucket = found->second;
  bucket = {filled(bucket, now), now};
  if (bucket.left < 1) return false;
  bucket.left -= 1;
  return true;
}

void Throttle::make_room(Instant now) {
  std::erase_if(buckets_,
                [&](const auto& entry) { return filled(entry.second, now) >= terms_.burst; });
  if (buckets_.size() < terms_.addresses) return;
  buckets_.erase(std::max_element(
      buckets_.begin(), buckets_.end(),
      [&](const auto& a, const auto& b) { return filled(a.second, now) < filled(b.second, now); }));
}

double Throttle::filled(const Bucket& bucket, Instant now) const {
  return std::min(terms_.burst, bucket.left + seconds(now - bucket.at) * terms_.per_second);
}

}  // namespace culvert::control
