// A certificate is remembered over checks that did not come as far as to see one.
#include "relay/upstream/check_record.h"

#include <utility>

namespace culvert {

void CheckRecord::note(CheckFinding finding) {
  const std::lock_guard lock(mutex_);
  const int64_t expires_at = finding.legs.certificate_expires_at;
  if (expires_at != 0) report_.certificate_expires_at = expires_at;
  ++(finding.well ? report_.well : report_.ill);
  report_.ill_in_row = finding.well ? 0 : report_.ill_in_row + 1;
  report_.last = std::move(finding);
}

CheckRecord::Report CheckRecord::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

}  // namespace culvert
