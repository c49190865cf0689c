// Seconds since 1970 throughout, as certificates have them.
#include "relay/edge/expiry_watch.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr int64_t kDay = 24 * 60 * 60;
constexpr int64_t kWarnMost = 21 * kDay;

}  // namespace

std::optional<int64_t> ExpiryWatch::warns(int64_t issued_at, int64_t expires_at, WallTime now) {
  if (expires_at != expires_at_) warned_at_ = 0;
  expires_at_ = expires_at;
  if (expires_at == 0) return std::nullopt;
  const int64_t at =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const int64_t left = expires_at - at;
  if (left > std::min(kWarnMost, (expires_at - issued_at) / 4)) return std::nullopt;
  if (warned_at_ != 0 && at - warned_at_ < kDay) return std::nullopt;
  warned_at_ = at;
  return std::max<int64_t>(left, 0);
}

}  // namespace culvert
