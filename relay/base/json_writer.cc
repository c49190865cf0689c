// Commas, escapes and numbers.
#include "relay/base/json_writer.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

namespace culvert {
namespace {

constexpr uint64_t kEach = 0x0101010101010101;
constexpr uint64_t kTops = 0x8080808080808080;

// Whether any of the eight bytes is a control character, a quotation mark, a backslash or not
// ASCII. A borrow may mark a byte above a marked one: then the slow way looks at plain text.
bool any_special(uint64_t bytes) {
  const auto has_zero = [](uint64_t word) { return (word - kEach) & ~word; };
  const uint64_t special = (bytes - kEach * 0x20) | has_zero(bytes ^ (kEach * '"')) |
                           has_zero(bytes ^ (kEach * '\\')) | bytes;
  return (special & kTops) != 0;
}

bool is_special(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\';
}

bool any_special_of_eight(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return any_special(word);
}

// Of four to seven bytes, of which those in the middle are looked at twice.
bool any_special_of_few(std::string_view text) {
  uint32_t first = 0;
  uint32_t last = 0;
  std::memcpy(&first, text.data(), sizeof first);
  std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
  return any_special(uint64_t{last} << 32U | first);
}

bool is_plain(std::string_view text) {
  if (text.size() < 4) return std::none_of(text.begin(), text.end(), is_special);
  if (text.size() < 8) return !any_special_of_few(text);
  const char* last = text.data() + text.size() - 8;  // the end is looked at twice where it has to
  for (const char* at = text.data(); at < last; at += 8) {
    if (any_special_of_eight(at)) return false;
  }
  return !any_special_of_eight(last);
}

void append_escaped(std::string* out, char c) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  switch (c) {
    case '"':
      *out += "\\\"";
      return;
    case '\\':
      *out += "\\\\";
      return;
    case '\b':
      *out += "\\b";
      return;
    case '\f':
      *out += "\\f";
      return;
    case '\n':
      *out += "\\n";
      return;
    case '\r':
      *out += "\\r";
      return;
    case '\t':
      *out += "\\t";
      return;
    default:
      if (byte >= 0x20) return out->push_back(c);
      *out += "\\u00";
      out->push_back(kHex[byte >> 4U]);
      out->push_back(kHex[byte & 15U]);
  }
}

// Length of the well-formed sequence at the front (RFC 3629 §4), 0 where there is none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      if ((byte(i) & 0xC0U) != 0x80U) return false;
    }
    return true;
  };
  const unsigned first = byte(0);
  const unsigned second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1, 2) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
    return continues(1, 3) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
    return continues(1, 4) ? 4 : 0;
  }
  return 0;
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Most often a masked key, whose ellipsis is not ASCII.
std::string escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto special = std::find_if(text.begin(), text.end(), is_special);
    out.append(text.begin(), special);
    text.remove_prefix(static_cast<size_t>(special - text.begin()));
    if (text.empty()) return out;
    const size_t length = sequence_length(text);
    if (length == 1) {
      append_escaped(&out, text.front());
    } else {
      out += length == 0 ? kReplacement : text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

char* copy(char* to, std::string_view text) { return to + text.copy(to, text.size()); }

char* write_quoted(char* to, std::string_view plain) {
  *to++ = '"';
  to = copy(to, plain);
  *to++ = '"';
  return to;
}

constexpr size_t kDigitsMost = 24;

template <class Number>
char* write_number(char* to, Number number) {
  return std::to_chars(to, to + kDigitsMost, number).ptr;
}

char* write_thousandths(char* to, int64_t thousandths) {
  const auto whole = static_cast<uint64_t>(std::llabs(thousandths));
  const auto rest = static_cast<unsigned>(whole % 1000);
  if (thousandths < 0) *to++ = '-';
  to = write_number(to, whole / 1000);
  *to++ = '.';
  *to++ = static_cast<char>('0' + rest / 100);
  if (rest % 100 != 0) *to++ = static_cast<char>('0' + rest / 10 % 10);
  if (rest % 10 != 0) *to++ = static_cast<char>('0' + rest % 10);
  return to;
}

}  // namespace

// Where text goes on, with room for so much.
char* JsonWriter::room(size_t bytes) {
  const size_t need = size_ + bytes;
  if (need > memory_.size()) memory_.resize(std::max(need, 2 * memory_.size()));
  return memory_.data() + size_;
}

// The same for a member or an item, behind the comma that it may need.
char* JsonWriter::place(size_t bytes) {
  char* at = room(bytes + 1);
  if (std::exchange(after_key_, false) || depth_ == 0) return at;
  if ((begun_ & 1U) != 0) *at++ = ',';
  begun_ |= 1U;
  return at;
}

JsonWriter& JsonWriter::written_to(const char* end) {
  size_ = static_cast<size_t>(end - memory_.data());
  return *this;
}

JsonWriter& JsonWriter::begin(char bracket) {
  assert(depth_ < kDepth);
  char* at = place(1);
  *at++ = bracket;
  begun_ <<= 1U;
  ++depth_;
  return written_to(at);
}

JsonWriter& JsonWriter::end(char bracket) {
  assert(depth_ > 0 && !after_key_);
  char* at = room(1);
  *at++ = bracket;
  begun_ >>= 1U;
  --depth_;
  return written_to(at);
}

JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  char* at = room(1);
  *at++ = ':';
  after_key_ = true;
  return written_to(at);
}

JsonWriter& JsonWriter::member(std::string_view plain_name) {
  char* at = write_quoted(place(plain_name.size() + 3), plain_name);
  *at++ = ':';
  after_key_ = true;
  return written_to(at);
}

JsonWriter& JsonWriter::value(std::string_view text) {
  if (!is_plain(text)) return quote(escaped(text));
  return quote(text);
}

JsonWriter& JsonWriter::quote(std::string_view plain) {
  return written_to(write_quoted(place(plain.size() + 2), plain));
}

JsonWriter& JsonWriter::value(bool truth) { return word(truth ? "true" : "false"); }

JsonWriter& JsonWriter::value(int64_t number) {
  return written_to(write_number(place(kDigitsMost), number));
}

JsonWriter& JsonWriter::value(uint64_t number) {
  return written_to(write_number(place(kDigitsMost), number));
}

JsonWriter& JsonWriter::value(double number) {
  constexpr double kExact = 1e15;  // beyond it thousandths are not what a double tells
  if (!std::isfinite(number)) return null();
  char* at = place(kDigitsMost);
  if (std::fabs(number) >= kExact) return written_to(write_number(at, number));
  return written_to(write_thousandths(at, std::llround(number * 1000)));
}

JsonWriter& JsonWriter::null() { return word("null"); }

JsonWriter& JsonWriter::word(std::string_view plain) {
  return written_to(copy(place(plain.size()), plain));
}

std::string JsonWriter::take() {
  memory_.resize(size_);
  clear();
  return std::exchange(memory_, {});
}

void JsonWriter::clear() {
  size_ = 0;
  begun_ = depth_ = 0;
  after_key_ = false;
}

std::string valid_utf8(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    if (length == 0) {
      out += kReplacement;
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace culvert
