// A credential's text taken apart: `k1,k2,k3` is a pool, and relay tokens may stand among the keys.
// Pure.
#pragma once

#include "relay/base/secret.h"
#include "relay/gate/tokens.h"

#include <string_view>
#include <vector>

namespace culvert {

struct KeyList {
  std::vector<Secret> keys;  // in their order, none twice, no relay token
  Secret token;              // a relay token that was among them; empty: none
  const IssuedToken* issued = nullptr;  // who it was issued to; null: the configuration's own
  bool expired = false;      // a relay token that has expired was among them; it is left out
  bool too_many = false;     // more than limits::kKeysPerRequest; nothing was read then
  bool malformed = false;    // a key holds spaces or bytes that are not visible ASCII
};

KeyList parse_key_list(std::string_view text, const Tokens& tokens);

// RFC 9110 §11.4: a value of Authorization is a scheme, spaces and the rest.
struct SchemeAndRest {
  std::string_view scheme;  // empty where there is one word only
  std::string_view rest;
};
// "Bearer" alone, which SDKs with an empty key send, is a scheme without a rest.
SchemeAndRest split_scheme(std::string_view value);
bool is_bearer(std::string_view scheme);

}  // namespace culvert
