// One word per thread; see hooks.h.
#include "relay/channel/libcrypto/hooks.h"

namespace culvert::libcrypto {

thread_local constinit uint32_t hooks_called = 0;

}  // namespace culvert::libcrypto
