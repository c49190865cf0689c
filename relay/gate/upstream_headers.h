// The head that goes up: an allow-list in a fixed order and spelling, so that two clients give the
// same bytes (privacy.md). Nothing of the client's head is copied but by name.
#pragma once

#include "relay/base/secret.h"
#include "relay/codec/headers.h"
#include "relay/codec/http_event.h"
#include "relay/config/snapshot.h"
#include "relay/gate/admission.h"

#include <string>
#include <string_view>

namespace culvert {

struct UpstreamHeadersInput {
  const Headers& client;
  std::string authority;               // for Host
  const Upstream* upstream = nullptr;  // null: the generic proxy
  const HeaderRules* route = nullptr;  // beside the upstream's own
  const Credentials& credentials;
  Payer payer = Payer::kNone;
  const Secret* key = nullptr;  // of a pool; null: the caller's single key
  BodyFraming framing = BodyFraming::kNone;
  uint64_t content_length = 0;
  bool wants_length = false;  // a request of a method that has a body by nature, without one
  const Tokens& tokens;
};

Headers upstream_headers(const UpstreamHeadersInput& input);

}  // namespace culvert
