// What TLS wants done once per process, before any of it is used.
#pragma once

#include "relay/base/result.h"

namespace culvert {

// start_crypto(), and where mbedTLS computes with libcrypto a check that it does: an error names
// the primitive that is wrong or is not libcrypto's. Once checked, it does nothing. Safe on any
// thread.
Result<void> start_tls();

}  // namespace culvert
