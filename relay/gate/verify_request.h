// What a request to /verify brings: keys from every place in which any dialect carries them, and
// whether who asks has a relay token (surface: URLs of a relay). Pure.
#pragma once

#include "relay/base/result.h"
#include "relay/base/secret.h"
#include "relay/codec/headers.h"
#include "relay/config/snapshot.h"
#include "relay/gate/tokens.h"

#include <string_view>
#include <vector>

namespace culvert {

struct VerifyRequest {
  bool authenticated = false;
  std::vector<Secret> keys;  // none twice, no relay token; at most limits::kKeysPerRequest
};

// Of the head. Errors: kUnauthorized for a wrong relay token, kBadRequest for what is no list of
// keys.
Result<VerifyRequest> read_verify_request(const Headers& headers,
                                          std::string_view target,
                                          std::string_view path_token,
                                          const Upstream& upstream,
                                          const Tokens& tokens);

// Of a POST's body: one key a line, or with commas between, or JSON: {"keys": […]}, […], "…".
Result<void> add_keys_of_body(std::string_view body, const Tokens& tokens, VerifyRequest* request);

}  // namespace culvert
