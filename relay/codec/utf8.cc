// See utf8.h.
#include "relay/codec/utf8.h"

#include <algorithm>
#include <array>
#include <utility>

namespace culvert {
namespace {

constexpr uint32_t byte_of(char c) { return static_cast<unsigned char>(c); }

size_t length_by(uint32_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

constexpr std::array<std::pair<uint32_t, uint32_t>, 24> kExtending = {{
    {0x0300, 0x036F},   {0x0483, 0x0489},   {0x0591, 0x05BD},     {0x05BF, 0x05C7},
    {0x0610, 0x061A},   {0x064B, 0x065F},   {0x0670, 0x0670},     {0x06D6, 0x06DC},
    {0x06DF, 0x06ED},   {0x08D3, 0x0903},   {0x093A, 0x094F},     {0x0981, 0x0983},
    {0x0E31, 0x0E3A},   {0x0E47, 0x0E4E},   {0x1AB0, 0x1AFF},     {0x1DC0, 0x1DFF},
    {0x200C, 0x200D},   {0x20D0, 0x20FF},   {0x302A, 0x302F},     {0x3099, 0x309A},
    {0xFE00, 0xFE0F},   {0xFE20, 0xFE2F},   {0x1F3FB, 0x1F3FF},   {0xE0020, 0xE01EF},
}};

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
  for (; !text.empty(); ++points) text.remove_prefix(first_point(text).size);
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

bool extends_grapheme(uint32_t point) {
  return std::any_of(kExtending.begin(), kExtending.end(), [&](const auto& range) {
    return point >= range.first && point <= range.second;
  });
}

}  // namespace culvert
