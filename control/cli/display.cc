// UTF-8 by hand, character by character (RFC 3629); base/json_writer has made it valid before.
#include "control/cli/display.h"

#include "relay/base/json_writer.h"

#include <algorithm>
#include <cstdint>

namespace culvert::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Of Unicode's EastAsianWidth W and F, joined where nothing narrow that is in use lies between.
constexpr Range kWide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x23E9, 0x23EC},   {0x25FD, 0x25FE},
    {0x2614, 0x2615},   {0x26A1, 0x26A1},   {0x2705, 0x2705},   {0x274C, 0x274C},
    {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18AFF},
    {0x1B000, 0x1B2FF}, {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF},
    {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};
constexpr Range kNarrowest[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F},   {0x0E31, 0x0E31},
    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},   {0x200B, 0x200D},
    {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0x1F3FB, 0x1F3FF}, {0xE0100, 0xE01EF},
};
constexpr Range kHarmful[] = {
    {0x00, 0x1F},     {0x7F, 0x9F},     {0x061C, 0x061C}, {0x200E, 0x200F},
    {0x2028, 0x202E}, {0x2066, 0x2069}, {0xFEFF, 0xFEFF},
};

template <size_t N>
bool in(const Range (&ranges)[N], char32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

// The character at `at` of valid UTF-8, and its length in bytes.
char32_t character(std::string_view text, size_t at, size_t* length) {
  const auto byte = [&](size_t i) -> char32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const char32_t first = byte(at);
  *length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (*length == 1) return first;
  char32_t c = first & (0xFFU >> (*length + 1));
  for (size_t i = 1; i < *length; ++i) c = c << 6 | (byte(at + i) & 0x3F);
  return c;
}

size_t width_of(char32_t c) {
  if (c < 0x300) return 1;
  return in(kNarrowest, c) ? 0 : in(kWide, c) ? 2 : 1;
}

std::string harmless(std::string_view text, bool lines) {
  const std::string valid = valid_utf8(text);
  std::string out;
  out.reserve(valid.size());
  for (size_t at = 0, length = 0; at < valid.size(); at += length) {
    const char32_t c = character(valid, at, &length);
    if (lines && c == '\n')
      out += '\n';
    else if (c == '\t')
      out += "  ";
    else if (in(kHarmful, c))
      out += '?';
    else
      out.append(valid, at, length);
  }
  return out;
}

// The length of an escape sequence `ESC [ … letter` at `at`, or 0.
size_t escape_length(std::string_view text, size_t at) {
  if (text.substr(at, 2) != "\x1b[") return 0;
  size_t end = at + 2;
  while (end < text.size() && (text[end] < '@' || text[end] > '~')) ++end;
  return std::min(end + 1, text.size()) - at;
}

}  // namespace

std::string clean(std::string_view text, size_t most) {
  if (text.size() <= most) return harmless(text, false);
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return harmless(text.substr(0, end), false) + "…";
}

std::string clean_lines(std::string_view text) { return harmless(text, true); }

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0, length = 0; at < text.size(); at += length) {
    length = escape_length(text, at);
    if (length == 0) width += width_of(character(text, at, &length));
  }
  return width;
}

std::string cut_to_width(std::string_view text, size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::string out;
  size_t used = 0;
  bool full = width == 0;
  for (size_t at = 0, length = 0; at < text.size(); at += length) {
    length = escape_length(text, at);
    if (length != 0) {
      out.append(text, at, length);  // also behind the cut: it may be the one that ends a colour
      continue;
    }
    const size_t more = width_of(character(text, at, &length));
    if (full) continue;
    if (used + more + 1 > width) {
      out += "…";
      full = true;
      continue;
    }
    out.append(text, at, length);
    used += more;
  }
  return out;
}

}  // namespace culvert::cli
