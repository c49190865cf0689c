// The fields of an answer as they go down to the client (privacy.md: Down). Pure.
#pragma once

#include "relay/codec/headers.h"

#include <string_view>

namespace culvert {

// Without the fields of one connection and those that `Connection` names, without framing (the
// client's connection writes its own), without Alt-Svc (RFC 7838: it would lead past the relay) and
// what only this relay may say of itself (X-Proxy-Error, X-Proxy-Stage, X-Culvert-*); Set-Cookie
// only where `generic`. The rest passes in its order and spelling, doubles too. X-Request-Id is the
// upstream's where it sent one, because vendors' SDKs report it to their support; else the relay's
// own.
Headers downstream_headers(const Headers& upstream, bool generic, std::string_view request_id);

}  // namespace culvert
