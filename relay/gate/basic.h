// Basic credentials (RFC 7617) as HTTP clients send them to a proxy: `curl -x http://:TOKEN@relay`,
// git, npm and browsers know no other way to give a proxy a token. Pure.
#pragma once

#include "relay/base/secret.h"

#include <optional>
#include <string_view>

namespace culvert {

// text: what follows the scheme, in base64. The password, or the user's name where the password is
// empty (`TOKEN:`); whatever else is in it says nothing. nullopt where there is no colon, no
// base64, a control character, or neither of the two.
std::optional<Secret> basic_token(std::string_view text);

}  // namespace culvert
