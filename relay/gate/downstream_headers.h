// The head that goes down: hop-by-hop fields dropped, the rest as it came (privacy: Down).
#pragma once

#include "relay/codec/headers.h"

#include <string_view>

namespace culvert {

// Set-Cookie passes only from the generic proxy. The relay's X-Request-Id is added where the
// upstream sent none: vendors' SDKs show the upstream's to people who ask for support.
Headers downstream_headers(const Headers& upstream, bool generic, std::string_view request_id);

}  // namespace culvert
