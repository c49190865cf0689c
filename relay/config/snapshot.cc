// What a snapshot can say beside what it holds.
#include "relay/config/snapshot.h"

namespace culvert {

Timeouts merged(const Timeouts& base, const TimeoutOverrides& overrides) {
  Timeouts out;
  out.resolve = overrides.resolve.value_or(base.resolve);
  out.connect = overrides.connect.value_or(base.connect);
  out.tls = overrides.tls.value_or(base.tls);
  out.first_byte = overrides.first_byte.value_or(base.first_byte);
  out.idle = overrides.idle.value_or(base.idle);
  out.total = overrides.total.value_or(base.total);
  return out;
}

}  // namespace culvert
