// Classes of bytes of HTTP's grammar (RFC 9110 §5.6.2, §5.5). Inside codec only.
#pragma once

#include <string_view>

namespace culvert {

constexpr bool is_digit_byte(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_visible_byte(char c) { return c > 0x20 && c < 0x7F; }

constexpr bool is_token_byte(char c) {
  if (is_digit_byte(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Of a field value or a reason: visible ASCII, space, tab and 8-bit bytes.
constexpr bool is_text_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7F);
}

}  // namespace culvert
