// Who asks: the relay token and the caller's own upstream keys, wherever a request may carry them
// (surface: Authentication of a client). Pure.
#pragma once

#include "relay/base/dialect.h"
#include "relay/codec/headers.h"
#include "relay/gate/tokens.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// Where a caller's own key came; it is passed on in the same form.
enum class KeyForm : uint8_t { kNone, kBearer, kApiKey, kGoogApiKey, kQuery, kAuthorization };

struct Credentials {
  bool authenticated = false;
  bool wrong_token = false;  // something that is no token stood where only a token may stand
  KeyForm form = KeyForm::kNone;
  std::vector<std::string> own_keys;  // one, or a caller's list; kAuthorization: the whole value
  std::string caller;                 // what tells callers apart: a digest, never logged
  bool too_many_keys = false;         // the list is longer than limits::kKeysPerRequest
};

// query_key: the value of `key=`, if there is one.
Credentials read_credentials(const Headers& headers,
                             const std::optional<std::string>& query_key,
                             Dialect dialect,
                             bool token_in_path,
                             const Tokens& tokens);

}  // namespace culvert
