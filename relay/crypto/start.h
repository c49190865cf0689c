// mbedTLS's TLS 1.3 and key code want one call before all others.
#pragma once

#include "relay/base/result.h"

namespace culvert {

// Once per process before TLS is used; again does nothing. Safe on any thread.
Result<void> start_crypto();

}  // namespace culvert
