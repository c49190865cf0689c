// See utf8.h.
#include "relay/codec/utf8.h"

#include "relay/codec/find_either.h"

#include <cstring>

namespace culvert {
namespace {

constexpr uint32_t byte_of(char c) { return static_cast<unsigned char>(c); }

size_t length_by(uint32_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

}  // namespace

CodePoint first_point(std::string_view text) {
  const uint32_t lead = byte_of(text.front());
  const size_t size = length_by(lead);
  if (size == 1) return {lead, 1};
  if (size == 0 || text.size() < size) return {};
  uint32_t point = lead & (0xFFU >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if (!is_continuation_byte(text[i])) return {};
    point = point << 6U | (byte_of(text[i]) & 0x3FU);
  }
  const bool overlong = (size == 3 && point < 0x800) || (size == 4 && point < 0x10000);
  if (overlong || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return {};
  return {point, size};
}

void append_utf8(uint32_t point, std::string* out) {
  const auto tail = [&](unsigned shift) {
    *out += static_cast<char>(0x80U | ((point >> shift) & 0x3FU));
  };
  if (point < 0x80) {
    *out += static_cast<char>(point);
  } else if (point < 0x800) {
    *out += static_cast<char>(0xC0U | (point >> 6U));
    tail(0);
  } else if (point < 0x10000) {
    *out += static_cast<char>(0xE0U | (point >> 12U));
    tail(6);
    tail(0);
  } else {
    *out += static_cast<char>(0xF0U | (point >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

size_t count_points(std::string_view text) {
  size_t points = 0;
  for (uint64_t eight = 0; !text.empty();) {
    if (text.size() >= 8) std::memcpy(&eight, text.data(), 8);
    const bool plain = text.size() >= 8 && (eight & repeated_byte(0x80)) == 0;
    points += plain ? 8 : 1;
    text.remove_prefix(plain ? 8 : first_point(text).size);
  }
  return points;
}

std::string_view last_points(std::string_view text, size_t points) {
  size_t at = text.size();
  for (; points > 0 && at > 0; --points) {
    --at;
    for (int i = 0; i < 3 && at > 0 && is_continuation_byte(text[at]); ++i) --at;
  }
  return text.substr(at);
}

std::string_view first_points(std::string_view text, size_t points) {
  size_t at = 0;
  for (; points > 0 && at < text.size(); --points) at += first_point(text.substr(at)).size;
  return text.substr(0, at);
}

}  // namespace culvert
