// Base64 (RFC 4648 §4), as far as credentials need it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// nullopt where a byte is not of the alphabet. Padding may be left out, as browsers' peers do.
std::optional<std::string> base64_decode(std::string_view text);

// With padding.
std::string base64_encode(std::string_view bytes);

}  // namespace culvert
