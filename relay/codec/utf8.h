// Code points of UTF-8 text (RFC 3629). A byte that is no part of a valid sequence counts as a code
// point of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

// The first code point of a text that is not empty; size: its bytes, at least 1.
struct CodePoint {
  uint32_t value = 0xFFFD;
  size_t size = 1;
};
CodePoint first_point(std::string_view text);

void append_utf8(uint32_t point, std::string* out);

constexpr bool is_continuation_byte(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

size_t count_points(std::string_view text);

// The last `points` code points, or all; never half of one.
std::string_view last_points(std::string_view text, size_t points);
std::string_view first_points(std::string_view text, size_t points);

}  // namespace culvert
