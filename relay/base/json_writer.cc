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

bool is_plain(std::string_view text) {
  if (text.size() < 8) return std::none_of(text.begin(), text.end(), is_special);
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

template <class Number>
void append_number(std::string* out, Number number) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out->append(digits, end);
}

}  // namespace

JsonWriter& JsonWriter::begin(char bracket) {
  assert(depth_ < kDepth);
  separate();
  text_.push_back(bracket);
  begun_ <<= 1U;
  ++depth_;
  return *this;
}

JsonWriter& JsonWriter::end(char bracket) {
  assert(depth_ > 0 && !after_key_);
  text_.push_back(bracket);
  begun_ >>= 1U;
  --depth_;
  return *this;
}

void JsonWriter::separate() {
  if (std::exchange(after_key_, false) || depth_ == 0) return;
  if ((begun_ & 1U) != 0) text_.push_back(',');
  begun_ |= 1U;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_string(name);
  text_.push_back(':');
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_string(text);
  return *this;
}

void JsonWriter::append_string(std::string_view text) {
  text_.push_back('"');
  if (is_plain(text)) {
    text_.append(text);
  } else {
    for (const char c : valid_utf8(text)) append_escaped(&text_, c);
  }
  text_.push_back('"');
}

JsonWriter& JsonWriter::value(bool truth) {
  separate();
  text_ += truth ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::value(int64_t number) {
  separate();
  append_number(&text_, number);
  return *this;
}

JsonWriter& JsonWriter::value(uint64_t number) {
  separate();
  append_number(&text_, number);
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  constexpr double kExact = 1e15;  // beyond it thousandths are not what a double tells
  if (!std::isfinite(number)) return null();
  separate();
  if (std::fabs(number) >= kExact) {
    append_number(&text_, number);
    return *this;
  }
  const int64_t thousandths = std::llround(number * 1000);
  const auto rest = static_cast<unsigned>(std::llabs(thousandths) % 1000);
  if (thousandths < 0) text_.push_back('-');
  append_number(&text_, std::llabs(thousandths) / 1000);
  text_.push_back('.');
  text_.push_back(static_cast<char>('0' + rest / 100));
  if (rest % 100 != 0) text_.push_back(static_cast<char>('0' + rest / 10 % 10));
  if (rest % 10 != 0) text_.push_back(static_cast<char>('0' + rest % 10));
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  text_ += "null";
  return *this;
}

std::string JsonWriter::take() {
  std::string out = std::move(text_);
  clear();
  return out;
}

void JsonWriter::clear() {
  text_.clear();
  begun_ = depth_ = 0;
  after_key_ = false;
}

namespace {

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

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace culvert
