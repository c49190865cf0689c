// Says when it is time to warn of a certificate that ends: once a day, in the last quarter of its
// life or the last three weeks, whichever is shorter, so that neither certificates of 90 days nor
// those of six are warned of before they are renewed as usual. Pure; on its owner's thread.
#pragma once

#include "relay/base/clock.h"

#include <cstdint>
#include <optional>

namespace culvert {

class ExpiryWatch {
 public:
  // Unix seconds; expires_at 0: there is none. How many seconds are left (0: it has ended), where
  // that is to be warned of now. Another certificate begins anew.
  std::optional<int64_t> warns(int64_t issued_at, int64_t expires_at, WallTime now);

 private:
  int64_t expires_at_ = 0;
  int64_t warned_at_ = 0;
};

}  // namespace culvert
