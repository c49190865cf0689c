// The texts of tokens, of which the service keeps only the SHA-256. A token's id is the beginning
// of that, so that who shows a token is found by one look-up.
#pragma once

#include "culvert/v1/stored.pb.h"
#include "relay/base/clock.h"
#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <string>
#include <string_view>

namespace culvert::control {

struct NewToken {
  v1::StoredToken stored;
  Secret text;  // `cvo_` (operator) or `cvt_` (client of a relay) and 43 base62 characters
};

// Errors: kInvalidConfig, in words for the operator: name, tenant, role, ttl.
Result<NewToken> make_token(const v1::CreateTokenRequest& request,
                            const std::string& by,
                            WallTime now);

std::string token_sha256(std::string_view text);
std::string token_id(std::string_view sha256);

}  // namespace culvert::control
