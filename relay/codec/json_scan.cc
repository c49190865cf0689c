// Strings are most of what passes, and are run through eight bytes at a time; see json_scan.h.
#include "relay/codec/json_scan.h"

#include "relay/base/limits.h"
#include "relay/codec/find_either.h"

#include <cstring>

namespace culvert {
namespace {

struct Name {
  std::string_view text;
  JsonScan::Names of;
  bool deep = false;  // what it holds is text to the last leaf
};

constexpr JsonScan::Names kAll = JsonScan::kRequest | JsonScan::kAnswer | JsonScan::kChatDelta;

// By length, which is what a key is looked up by.
constexpr std::array<Name, 16> kNames{{
    {"text", kAll},
    {"args", JsonScan::kRequest | JsonScan::kAnswer, true},
    {"delta", JsonScan::kPlainDelta},
    {"input", JsonScan::kAnswer, true},
    {"input", JsonScan::kRequest},
    {"prompt", JsonScan::kRequest},
    {"system", JsonScan::kRequest},
    {"content", kAll},
    {"refusal", JsonScan::kAnswer | JsonScan::kChatDelta},
    {"thinking", JsonScan::kRequest | JsonScan::kAnswer},
    {"arguments", kAll},
    {"reasoning", JsonScan::kAnswer | JsonScan::kChatDelta},
    {"description", JsonScan::kRequest},
    {"partial_json", JsonScan::kAnswer},
    {"instructions", JsonScan::kRequest},
    {"reasoning_content", JsonScan::kAnswer | JsonScan::kChatDelta},
}};

// Where the names of each length begin in kNames.
constexpr std::array<uint8_t, 26> kOfLength = [] {
  std::array<uint8_t, 26> first{};
  for (size_t length = 0; length < first.size(); ++length) {
    while (first[length] < kNames.size() && kNames[first[length]].text.size() < length) {
      ++first[length];
    }
  }
  return first;
}();

// What means something outside of strings.
constexpr std::array<bool, 256> kSigns = [] {
  std::array<bool, 256> signs{};
  for (const char c : std::string_view("\"{}[],:")) signs[static_cast<unsigned char>(c)] = true;
  return signs;
}();

constexpr uint64_t quarters_of(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x80) return 1;
  if (byte < 0xC0 || byte > 0xF7) return 0;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 4 : 8;
}

uint64_t quarters_in(std::string_view text) {
  uint64_t quarters = 0;
  uint64_t eight = 0;
  while (text.size() >= 8) {
    std::memcpy(&eight, text.data(), 8);
    if ((eight & repeated_byte(0x80)) == 0) {
      quarters += 8;
    } else {
      for (const char c : text.substr(0, 8)) quarters += quarters_of(c);
    }
    text.remove_prefix(8);
  }
  for (const char c : text) quarters += quarters_of(c);
  return quarters;
}

constexpr uint64_t quarters_of_unit(uint32_t unit) {
  if (unit < 0x80) return 1;
  if (unit < 0x800) return 2;
  if (unit >= 0xD800 && unit < 0xDC00) return 8;  // the half that comes first stands for both
  return unit >= 0xDC00 && unit < 0xE000 ? 0 : 4;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 0;
}

}  // namespace

void JsonScan::feed(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  const char* from = at;  // of what is captured
  while (at < end) {
    if (in_string_) {
      at = in_string(at, end);
      continue;
    }
    const char c = *at++;
    if (!kSigns[static_cast<unsigned char>(c)]) continue;
    if (c == '"') {
      at = begin_string(at, end);
      continue;
    }
    const bool before = capturing_;
    outside(c);
    if (!before && capturing_) from = at - 1;
    if (before && !capturing_) capture(from, at);
  }
  if (capturing_) capture(from, end);
}

void JsonScan::restart(Names names) {
  names_ = names;
  name_ = kNone;
  arrays_ = 0;
  depth_ = deep_ = 0;
  name_is_deep_ = name_is_usage_ = expects_key_ = in_string_ = is_key_ = escaped_ = false;
  hex_left_ = 0;
  capturing_ = false;
}

Usage JsonScan::usage(Dialect dialect) const {
  if (usage_.empty() || capturing_) return {};
  return usage_of_object(dialect, JsonSlice(usage_));
}

void JsonScan::capture(const char* from, const char* to) {
  const auto size = static_cast<size_t>(to - from);
  if (usage_.size() + size > limits::kUsageObjectBytes) {
    usage_.clear();
    capturing_ = false;  // no vendor's
    return;
  }
  usage_.append(from, size);
  if (!capturing_) ++usages_;
}

void JsonScan::outside(char c) {
  switch (c) {
    case '{':
      return open(false);
    case '[':
      return open(true);
    case '}':
    case ']':
      return close();
    case ',':
      expects_key_ = in_object();
      return;
    case ':':
      expects_key_ = false;
      return;
    default:
      return;
  }
}

bool JsonScan::in_object() const {
  return depth_ > 0 && depth_ <= 64 && (arrays_ >> (depth_ - 1) & 1U) == 0;
}

void JsonScan::open(bool array) {
  const uint32_t members = (arrays_ & 1U) != 0 ? 2 : 1;
  if (!array && name_is_usage_ && depth_ == members && !capturing_ && in_object()) {
    capturing_ = true;
    capture_depth_ = depth_;
    usage_.clear();
  }
  if (name_is_deep_ && deep_ == 0 && depth_ > 0) deep_ = depth_;
  name_is_deep_ = name_is_usage_ = false;
  if (depth_ < 64) {
    const uint64_t bit = uint64_t{1} << depth_;
    arrays_ = array ? arrays_ | bit : arrays_ & ~bit;
  }
  if (depth_ < UINT32_MAX) ++depth_;
  expects_key_ = !array && in_object();
}

void JsonScan::close() {
  if (depth_ == 0) return;
  --depth_;
  name_ = kNone;
  expects_key_ = false;
  if (deep_ != 0 && depth_ <= deep_) deep_ = 0;
  if (capturing_ && depth_ == capture_depth_) capturing_ = false;
}

// Behind the opening quote. Most strings are whole in what is here, and have no escapes: those are
// taken at once.
const char* JsonScan::begin_string(const char* at, const char* end) {
  const char* const last = find_either(at, end, '"', '\\');
  if (last < end && *last == '"') {
    const std::string_view text(at, static_cast<size_t>(last - at));
    if (expects_key_ ? deep_ != 0 : weighs()) quarters_ += quarters_in(text);
    if (expects_key_) end_key(text);
    return last + 1;
  }
  in_string_ = true;
  is_key_ = expects_key_;
  key_size_ = 0;
  return at;
}

void JsonScan::end_key(std::string_view key) {
  if (key.size() > key_.size()) key = {};
  expects_key_ = false;
  name_ = kNone;
  name_is_deep_ = false;
  name_is_usage_ = key == "usage" || key == "usageMetadata";
  for (size_t i = kOfLength[key.size()]; i < kOfLength[key.size() + 1]; ++i) {
    const Name& name = kNames[i];
    if ((name.of & names_) == 0 || name.text != key) continue;
    name_ = name.of;
    name_is_deep_ = name.deep;
    return;
  }
}

const char* JsonScan::in_string(const char* at, const char* end) {
  if (hex_left_ > 0) {
    hex_byte(*at);
    return at + 1;
  }
  if (escaped_) {
    escape_byte(*at);
    return at + 1;
  }
  at = is_key_ ? in_key(at, end) : skip_text(at, end);
  if (at == end) return at;
  if (*at == '\\') {
    escaped_ = true;
    return at + 1;
  }
  in_string_ = false;
  if (is_key_) end_key({key_.data(), key_size_ <= key_.size() ? key_size_ : 0U});
  return at + 1;
}

const char* JsonScan::in_key(const char* at, const char* end) {
  const char* const from = at;
  while (at < end && *at != '"' && *at != '\\') ++at;
  const auto size = static_cast<size_t>(at - from);
  if (key_size_ + size <= key_.size()) {
    std::memcpy(key_.data() + key_size_, from, size);
    key_size_ = static_cast<uint8_t>(key_size_ + size);
  } else {
    key_size_ = static_cast<uint8_t>(key_.size() + 1);
  }
  if (deep_ != 0) quarters_ += quarters_in({from, size});
  return at;
}

// Up to the string's end or its next escape.
const char* JsonScan::skip_text(const char* at, const char* end) {
  const char* const from = at;
  at = find_either(at, end, '"', '\\');
  if (weighs()) quarters_ += quarters_in({from, static_cast<size_t>(at - from)});
  return at;
}

void JsonScan::escape_byte(char c) {
  escaped_ = false;
  if (is_key_) key_size_ = static_cast<uint8_t>(key_.size() + 1);  // no name of interest has one
  if (c == 'u') {
    hex_left_ = 4;
    hex_ = 0;
  } else if (!is_key_ && weighs()) {
    ++quarters_;
  }
}

void JsonScan::hex_byte(char c) {
  hex_ = hex_ * 16 + static_cast<uint32_t>(hex_digit(c));
  if (--hex_left_ == 0 && !is_key_ && weighs()) quarters_ += quarters_of_unit(hex_);
}

}  // namespace culvert
