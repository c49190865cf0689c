// See attempt_usage.h.
#include "relay/stream/attempt_usage.h"

#include "relay/codec/usage_sum.h"

namespace culvert {

void AttemptUsage::told_more(std::string_view object) { now_ = usage_overlaid(now_, object); }

void AttemptUsage::lose_attempt() {
  lost_ = usage_sum(lost_, now_);
  now_.clear();
}

std::string AttemptUsage::of_all() const { return usage_sum(lost_, now_); }

Usage AttemptUsage::as_usage(const std::string& object) const {
  return usage_of_object(dialect_, JsonSlice(object));
}

}  // namespace culvert
