// The first of two characters in a text, eight bytes at a time: what is read along with is mostly
// long runs of text between a line's or a string's ends. Cannot be two memchr(), each of which
// would run to the text's end where the other character is the only one there.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace culvert {

constexpr uint64_t repeated_byte(uint8_t byte) { return 0x0101010101010101ULL * byte; }

// Not 0 where one of the eight bytes is zero; may also be so for a byte 1 behind a zero.
constexpr uint64_t zero_bytes(uint64_t bytes) {
  return (bytes - repeated_byte(1)) & ~bytes & repeated_byte(0x80);
}

// The end where neither is there.
inline const char* find_either(const char* at, const char* end, char a, char b) {
  const uint64_t all_a = repeated_byte(static_cast<uint8_t>(a));
  const uint64_t all_b = repeated_byte(static_cast<uint8_t>(b));
  uint64_t eight = 0;
  for (; end - at >= 8; at += 8) {
    std::memcpy(&eight, at, 8);
    if ((zero_bytes(eight ^ all_a) | zero_bytes(eight ^ all_b)) != 0) break;
  }
  while (at < end && *at != a && *at != b) ++at;
  return at;
}

// Its place; the text's size where neither is there.
inline size_t find_either(std::string_view text, char a, char b) {
  const char* const begin = text.data();
  return static_cast<size_t>(find_either(begin, begin + text.size(), a, b) - begin);
}

}  // namespace culvert
