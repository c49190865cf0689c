// Classes of bytes of HTTP's grammar (RFC 9110 §5.6.2, §5.5). Inside codec only.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

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
// and what follows it, none need be counted. Many at a time: nearly all bytes of heads are text.
inline size_t text_run(std::string_view text) {
  size_t at = 0;
#ifdef __SSE2__
  const __m128i last_control = _mm_set1_epi8(0x1F);
  const __m128i erase = _mm_set1_epi8(0x7F);
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i found = _mm_or_si128(control, _mm_cmpeq_epi8(bytes, erase));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(found));
    if (mask != 0) return at + static_cast<size_t>(std::countr_zero(mask));
  }
#endif
  while (at < text.size() && text[at] != '\t' && is_text_byte(text[at])) ++at;
  return at;
}

// How many letters and hyphens stand at the front, of the first sixteen bytes at the most and only
// where there are so many: of nearly every field's name all, at a fifth of a table's cost.
inline size_t letter_run(std::string_view text) {
#ifdef __SSE2__
  if (text.size() < 16) return 0;
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data()));
  const __m128i from_a = _mm_sub_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
  const __m128i letter = _mm_cmpeq_epi8(_mm_min_epu8(from_a, _mm_set1_epi8('z' - 'a')), from_a);
  const __m128i found = _mm_or_si128(letter, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
  return static_cast<size_t>(std::countr_one(static_cast<uint32_t>(_mm_movemask_epi8(found))));
#else
  static_cast<void>(text);
  return 0;
#endif
}

}  // namespace culvert
