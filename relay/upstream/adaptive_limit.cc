// It begins at the most that is allowed: nobody is turned away before there is a reason.
#include "relay/upstream/adaptive_limit.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr double kFall = 0.7;
constexpr Duration kFallEvery = std::chrono::seconds(1);  // a burst of refusals is one sign
// Where it was before the falls is found again in so many full rounds; beyond it, one at a time.
constexpr double kRoundsBack = 8;
// Single refusals among many good answers are the upstream's noise, not its capacity.
constexpr double kIllShare = 0.05;

// A limit that nobody reaches is never put to the test: what was learnt of an outage would bind the
// next rush.
constexpr Duration kForgetAfter = std::chrono::seconds(60);

}  // namespace

uint32_t AdaptiveLimit::limit(const ConcurrencySettings& settings) const {
  const uint32_t most = std::max<uint32_t>(1, settings.most);
  if (settings.fixed || limit_ == 0) return most;
  return std::clamp(static_cast<uint32_t>(limit_), std::min(most, std::max(1U, settings.least)),
                    most);
}

void AdaptiveLimit::good(Instant now, bool full, const ConcurrencySettings& settings) {
  count(now, true);
  if (limit_ == 0 || settings.fixed) return;
  if (!full) {
    if (now - fell_ >= kForgetAfter) limit_ = 0;
    return;
  }
  limit_ += step_ / limit_;
  if (limit_ >= recovered_) step_ = 1;
  if (limit_ >= settings.most) limit_ = 0;
}

void AdaptiveLimit::overloaded(Instant now,
                               Instant began,
                               uint32_t used,
                               const ConcurrencySettings& settings) {
  count(now, false);
  if (settings.fixed || began < fell_ || now - fell_ < kFallEvery || !too_many()) return;
  const double before = limit_ == 0 ? settings.most : limit_;
  const double carried = std::min<double>(before, std::max(1U, used));
  if (limit_ == 0 || limit_ >= recovered_) recovered_ = carried;
  limit_ = std::max<double>(carried * kFall, std::max(1U, settings.least));
  step_ = std::max(1.0, (recovered_ - limit_) / kRoundsBack);
  fell_ = now;
}

// Halved each second, so that what counts is of the last few.
void AdaptiveLimit::count(Instant now, bool well) {
  if (now - counting_since_ >= kFallEvery) {
    counting_since_ = now;
    well_ /= 2;
    ill_ /= 2;
  }
  (well ? well_ : ill_) += 1;
}

bool AdaptiveLimit::too_many() const { return ill_ > kIllShare * (well_ + ill_); }

}  // namespace culvert
