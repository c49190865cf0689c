// The first of two characters in a text, many bytes at a time: what is read along with is mostly
// long runs of text between a line's or a string's ends. Cannot be two memchr(), each of which
// would run to the text's end where the other character is the only one there.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace culvert {

constexpr uint64_t repeated_byte(uint8_t byte) { return 0x0101010101010101ULL * byte; }

// The high bit of each of the eight bytes that is zero; perhaps of others too, but never of one
// that stands before the first zero.
constexpr uint64_t zero_bytes(uint64_t bytes) {
  return (bytes - repeated_byte(1)) & ~bytes & repeated_byte(0x80);
}

// Up to the first of the two in whole steps, or to where less than a step is left.
inline const char* step_by_eight(const char* at, const char* end, char a, char b) {
  const uint64_t all_a = repeated_byte(static_cast<uint8_t>(a));
  const uint64_t all_b = repeated_byte(static_cast<uint8_t>(b));
  uint64_t eight = 0;
  for (; end - at >= 8; at += 8) {
    std::memcpy(&eight, at, 8);
    if ((zero_bytes(eight ^ all_a) | zero_bytes(eight ^ all_b)) != 0) break;
  }
  return at;
}

#ifdef __SSE2__
inline const char* step_to_either(const char* at, const char* end, char a, char b) {
  const __m128i all_a = _mm_set1_epi8(a);
  const __m128i all_b = _mm_set1_epi8(b);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, all_a), _mm_cmpeq_epi8(bytes, all_b));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(found));
    if (mask != 0) return at + std::countr_zero(mask);
  }
  return at;
}
#else
inline const char* step_to_either(const char* at, const char* end, char a, char b) {
  return step_by_eight(at, end, a, b);
}
#endif

// The end where neither is there.
inline const char* find_either(const char* at, const char* end, char a, char b) {
  at = step_to_either(at, end, a, b);
  while (at < end && *at != a && *at != b) ++at;
  return at;
}

// Its place; the text's size where neither is there.
inline size_t find_either(std::string_view text, char a, char b) {
  const char* const begin = text.data();
  return static_cast<size_t>(find_either(begin, begin + text.size(), a, b) - begin);
}

}  // namespace culvert
