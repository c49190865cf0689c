// Classes of bytes of HTTP's grammar (RFC 9110 §5.6.2, §5.5). Inside codec only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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

// How many bytes at the front are is_text_byte(), at least up to the first control byte; of a tab
// and what follows it, none need be counted. Eight at a time: nearly all bytes of heads are text.
inline size_t text_run(std::string_view text) {
  constexpr uint64_t kEach = 0x0101010101010101;
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    const uint64_t control = (word - kEach * 0x20) & ~word;
    const uint64_t erased = word ^ (kEach * 0x7F);
    if (((control | ((erased - kEach) & ~erased)) & (kEach * 0x80)) != 0) break;
  }
  while (at < text.size() && text[at] != '\t' && is_text_byte(text[at])) ++at;
  return at;
}

}  // namespace culvert
