// The scanner is a state machine of its own because simdjson needs the whole document first.
#include "relay/codec/json.h"

#include "relay/base/json_writer.h"
#include "relay/base/text.h"
#include "relay/codec/characters.h"
#include "relay/codec/document.h"

#include <algorithm>
#include <array>

namespace culvert {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

int hex_digit(char c) {
  if (is_digit_byte(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    default:
      return c;
  }
}

std::string utf8(uint32_t point) {
  const auto tail = [](uint32_t bits) { return static_cast<char>(0x80U | (bits & 0x3FU)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0U | (point >> 6U)), tail(point)};
  if (point < 0x10000) {
    return {static_cast<char>(0xE0U | (point >> 12U)), tail(point >> 6U), tail(point)};
  }
  return {static_cast<char>(0xF0U | (point >> 18U)), tail(point >> 12U), tail(point >> 6U),
          tail(point)};
}

constexpr uint32_t kReplacement = 0xFFFD;

}  // namespace

ModelScanner::State ModelScanner::feed(std::string_view bytes) {
  const uint64_t before = position_;
  size_t i = 0;
  while (i < bytes.size() && state_ == State::kNeedMore) {
    if (step_ == Step::kInString && !escaped_) {
      // Most of a body is one long string: text or an image.
      while (i < bytes.size() && bytes[i] != '"' && bytes[i] != '\\') ++i;
      if (i == bytes.size()) break;
    }
    position_ = before + i;
    step(bytes[i++]);
  }
  position_ = before + i;
  return state_;
}

void ModelScanner::search_on() {
  again_ = true;
  step_ = Step::kAfterValue;
  state_ = State::kNeedMore;
}

ModelScanner::State ModelScanner::finish() {
  if (state_ == State::kNeedMore) absent();
  return state_;
}

void ModelScanner::step(char c) {
  if (step_ == Step::kInKey || step_ == Step::kInModel) return text_byte(c);
  if (step_ == Step::kInString) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      step_ = depth_ > 0 ? Step::kNested : Step::kAfterValue;
    }
    return;
  }
  if (step_ == Step::kNested) return nested_byte(c);
  if (step_ == Step::kScalar) {
    if (c == ',' || c == '}' || is_space(c)) after_value_byte(c);
    return;
  }
  if (is_space(c)) return;
  if (step_ == Step::kValue) return value_byte(c);
  if (step_ == Step::kAfterValue) return after_value_byte(c);
  const bool first = step_ == Step::kFirstKey;
  if (step_ == Step::kStart && c == '{') {
    step_ = Step::kFirstKey;
  } else if ((first || step_ == Step::kKey) && c == '"') {
    text_.clear();
    step_ = Step::kInKey;
  } else if (step_ == Step::kColon && c == ':') {
    step_ = Step::kValue;
  } else {
    absent();
  }
}

void ModelScanner::value_byte(char c) {
  if (is_model_) {
    if (c != '"') return absent();
    text_.clear();
    step_ = Step::kInModel;
    model_begin_ = position_;
  } else if (c == '"') {
    step_ = Step::kInString;
  } else if (c == '{' || c == '[') {
    depth_ = 1;
    step_ = Step::kNested;
  } else if (c == ',' || c == '}' || c == ']' || c == ':') {
    absent();
  } else {
    step_ = Step::kScalar;
  }
}

void ModelScanner::nested_byte(char c) {
  if (c == '"') {
    step_ = Step::kInString;
  } else if (c == '{' || c == '[') {
    ++depth_;
  } else if ((c == '}' || c == ']') && --depth_ == 0) {
    step_ = Step::kAfterValue;
  }
}

void ModelScanner::after_value_byte(char c) {
  if (c == ',') {
    step_ = Step::kKey;
  } else if (is_space(c)) {
    step_ = Step::kAfterValue;
  } else {
    closed_ = c == '}';
    absent();  // the object's end, or no JSON
  }
}

void ModelScanner::text_byte(char c) {
  if (hex_left_ > 0) return hex_byte(c);
  if (escaped_) return escape_byte(c);
  if (c == '\\') {
    escaped_ = true;
    return;
  }
  end_half_pair();
  if (c == '"') return end_text();
  if (static_cast<unsigned char>(c) < 0x20) return absent();
  append({&c, 1});
}

void ModelScanner::escape_byte(char c) {
  escaped_ = false;
  if (c == 'u') {
    hex_left_ = 4;
    hex_ = 0;
    return;
  }
  if (std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) return absent();
  end_half_pair();
  const char plain = unescaped(c);
  append({&plain, 1});
}

void ModelScanner::hex_byte(char c) {
  const int digit = hex_digit(c);
  if (digit < 0) return absent();
  hex_ = hex_ * 16 + static_cast<uint32_t>(digit);
  if (--hex_left_ == 0) append_unit(hex_);
}

// A UTF-16 unit of an escape; the halves of a pair come one after the other.
void ModelScanner::append_unit(uint32_t unit) {
  const bool low = unit >= 0xDC00 && unit < 0xE000;
  if (low && high_surrogate_ != 0) {
    append(utf8(0x10000 + ((high_surrogate_ - 0xD800) << 10U) + (unit - 0xDC00)));
    high_surrogate_ = 0;
    return;
  }
  end_half_pair();
  if (unit >= 0xD800 && unit < 0xDC00) {
    high_surrogate_ = unit;
  } else {
    append(utf8(low ? kReplacement : unit));
  }
}

void ModelScanner::end_half_pair() {
  if (high_surrogate_ != 0) append(utf8(kReplacement));
  high_surrogate_ = 0;
}

void ModelScanner::append(std::string_view bytes) {
  if (text_.size() <= kModelBytes) text_.append(bytes);
}

void ModelScanner::end_text() {
  if (step_ == Step::kInKey) {
    is_model_ = again_ ? equal_ignoring_case(text_, "model") : text_ == "model";
    step_ = Step::kColon;
    return;
  }
  if (text_.size() > kModelBytes) return absent();
  model_ = valid_utf8(text_);
  state_ = State::kFound;
}

void Usage::merge(const Usage& other) {
  const auto larger = [](std::optional<uint64_t>* into, std::optional<uint64_t> from) {
    if (from && *from >= into->value_or(0)) *into = from;
  };
  larger(&input, other.input);
  larger(&output, other.output);
  larger(&cached, other.cached);
  larger(&reasoning, other.reasoning);
}

namespace {

using simdjson::dom::element;

// A sum of what is there; nullopt where nothing is.
std::optional<uint64_t> sum(std::initializer_list<std::optional<uint64_t>> parts) {
  std::optional<uint64_t> total;
  for (const auto& part : parts) {
    if (part) total = total.value_or(0) + *part;
  }
  return total;
}

Usage openai_usage(element root) {
  auto usage = member(root, "usage");
  if (!usage) usage = member(member(root, "response"), "usage");
  const auto either = [&](std::string_view chat, std::string_view responses) {
    const auto found = member(usage, chat);
    return found ? found : member(usage, responses);
  };
  Usage out;
  out.input = count_of(either("prompt_tokens", "input_tokens"));
  out.output = count_of(either("completion_tokens", "output_tokens"));
  const auto read = either("prompt_tokens_details", "input_tokens_details");
  const auto written = either("completion_tokens_details", "output_tokens_details");
  out.cached = count_of(member(read, "cached_tokens"));
  out.reasoning = count_of(member(written, "reasoning_tokens"));
  return out;
}

Usage anthropic_usage(element root) {
  auto usage = member(root, "usage");
  if (!usage) usage = member(member(root, "message"), "usage");
  Usage out;
  out.cached = count_of(member(usage, "cache_read_input_tokens"));
  out.input = sum({count_of(member(usage, "input_tokens")), out.cached,
                   count_of(member(usage, "cache_creation_input_tokens"))});
  out.output = count_of(member(usage, "output_tokens"));
  return out;
}

using Count = std::optional<uint64_t>;

// The members of `usageMetadata` in the order of kGeminiCounts.
Usage gemini_usage(const std::array<Count, 5>& counts) {
  const auto& [prompt, tools, thoughts, candidates, cached] = counts;
  return {.input = sum({prompt, tools}),
          .output = sum({candidates, thoughts}),
          .cached = cached,
          .reasoning = thoughts};
}

constexpr std::array<std::string_view, 5> kGeminiCounts = {
    "promptTokenCount", "toolUsePromptTokenCount", "thoughtsTokenCount", "candidatesTokenCount",
    "cachedContentTokenCount"};

Usage gemini_usage(element root) {
  const auto usage = member(root, "usageMetadata");
  std::array<Count, kGeminiCounts.size()> counts;
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = count_of(member(usage, kGeminiCounts[i]));
  return gemini_usage(counts);
}

}  // namespace

Usage gemini_usage(JsonSlice usage) {
  std::array<JsonMember, kGeminiCounts.size()> members;
  for (size_t i = 0; i < members.size(); ++i) members[i].name = kGeminiCounts[i];
  usage.pick(members);
  std::array<Count, kGeminiCounts.size()> counts;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (members[i].value) counts[i] = members[i].value->count();
  }
  return gemini_usage(counts);
}

Usage usage_of(Dialect dialect, std::string_view json) {
  // The word is looked for first: most events of a stream have none, and are not parsed then.
  if (dialect == Dialect::kOpaque || json.find("usage") == std::string_view::npos) return {};
  const Document document(json);
  const auto root = document.root();
  if (!root) return {};
  if (dialect == Dialect::kOpenAi) return openai_usage(*root);
  if (dialect == Dialect::kAnthropic) return anthropic_usage(*root);
  if (root->is_object()) return gemini_usage(*root);
  Usage out;
  for (const element& answer : elements_of(root)) out.merge(gemini_usage(answer));
  return out;
}

}  // namespace culvert
