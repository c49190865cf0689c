// A short list under a short lock.
#include "relay/keys/model_rests.h"

#include <algorithm>
#include <functional>

namespace culvert {

void ModelRests::rest(std::string_view model, Instant until, Instant now) {
  const uint64_t hash = std::hash<std::string_view>()(model);
  const std::lock_guard lock(mutex_);
  std::erase_if(rests_, [&](const Rest& one) { return one.until <= now || one.model == hash; });
  if (rests_.size() >= kMost) {
    rests_.erase(std::min_element(rests_.begin(), rests_.end(),
                                  [](const Rest& a, const Rest& b) { return a.until < b.until; }));
  }
  rests_.push_back({hash, until});
  any_.store(true);
}

Instant ModelRests::resting(std::string_view model) const {
  if (!any_.load(std::memory_order_relaxed)) return {};
  const uint64_t hash = std::hash<std::string_view>()(model);
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(rests_.begin(), rests_.end(),
                                  [&](const Rest& one) { return one.model == hash; });
  return found == rests_.end() ? Instant() : found->until;
}

}  // namespace culvert
