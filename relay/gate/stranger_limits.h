// What addresses without a relay token may ask of the relay's own work, at a rate for each. One for
// the process; any thread. Bounded: who comes when it is full of others is refused.
#pragma once

#include "relay/base/address.h"
#include "relay/base/clock.h"
#include "relay/base/result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace culvert {

class StrangerLimits {
 public:
  // Takes `count` of an allowance of `per_minute`, which is full after a minute of rest; IPv6 by
  // its /64. Errors: kRateLimited with the time after which there is room; kUnauthorized where the
  // allowance is none at all.
  Result<void> take(const Address& address, uint32_t count, uint32_t per_minute, Instant now);

  size_t addresses() const;  // known now; for tests of the memory bound

 private:
  static constexpr size_t kMost = 4096;

  struct Allowance {
    double left = 0;
    Instant at;
  };
  void forget(uint32_t per_minute, Instant now);

  mutable std::mutex mutex_;
  std::map<Address, Allowance> known_;
};

}  // namespace culvert
