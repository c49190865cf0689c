// The head of a request as it goes up (privacy.md). For presets and routes an allow-list; for the
// generic proxy the end-to-end fields that say nothing of who and where the client is. Order and
// spelling are the relay's own: two clients that say the same give the same bytes.
#pragma once

#include "relay/base/secret.h"
#include "relay/base/url.h"
#include "relay/codec/headers.h"
#include "relay/codec/http_event.h"
#include "relay/codec/ws_protocols.h"
#include "relay/config/snapshot.h"
#include "relay/gate/admission.h"
#include "relay/gate/credentials.h"
#include "relay/gate/tokens.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// The opening of a WebSocket, as it goes up.
struct WsOpening {
  std::string_view key;  // of the relay's own, never the client's
  const WsProtocols& protocols;
};

struct UpstreamHeadersInput {
  const Headers& client;
  std::string authority;                                    // for Host
  const Upstream* upstream = nullptr;                       // null: the generic proxy
  const HeaderRules* route = nullptr;                       // beside the upstream's own
  const std::vector<std::string>* generic_allow = nullptr;  // in lower case
  const Credentials& credentials;
  Payer payer = Payer::kNone;
  // The key that was chosen, of the pool or of the caller's list; null: the caller's only key.
  const Secret* key = nullptr;
  BodyFraming framing = BodyFraming::kNone;  // kNone, kLength or kChunked, as it goes up
  uint64_t content_length = 0;
  bool wants_length = false;  // a request of a method that has a body by nature, without one
  const Tokens& tokens;
  const WsOpening* ws = nullptr;  // null: an ordinary request
};

Headers upstream_headers(const UpstreamHeadersInput& input);

// The subprotocols that go up: names, and the key where it is the caller's own and stood there.
// "" where none do, or where it is no WebSocket.
std::string ws_protocols_up(const UpstreamHeadersInput& input);

// The path and query that go up, byte for byte but for `key=`, and `access_token=` of a WebSocket:
// relay tokens are taken out, of a
// list the chosen key stays, and a pool's key takes the place of what stood there.
std::string upstream_target(const UpstreamHeadersInput& input, std::string path);

}  // namespace culvert
