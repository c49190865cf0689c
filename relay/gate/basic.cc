// The decoded text is wiped: it holds a token.
#include "relay/gate/basic.h"

#include "relay/base/base64.h"

#include <algorithm>

namespace culvert {
namespace {

// RFC 7617 §2: neither part may have one.
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

std::optional<Secret> basic_token(std::string_view text) {
  auto decoded = base64_decode(text);
  if (!decoded) return std::nullopt;
  const Secret pair(*decoded);
  wipe(decoded->data(), decoded->size());
  const std::string_view both = pair.reveal();
  const size_t colon = both.find(':');
  if (colon == std::string_view::npos || std::any_of(both.begin(), both.end(), is_control)) {
    return std::nullopt;
  }
  const std::string_view password = both.substr(colon + 1);
  const std::string_view token = password.empty() ? both.substr(0, colon) : password;
  if (token.empty()) return std::nullopt;
  return Secret(token);
}

}  // namespace culvert
