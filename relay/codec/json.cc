// The scanner is a state machine of its own because simdjson needs the whole document first.
#include "relay/codec/json.h"

#include "relay/base/json_writer.h"
#include "relay/base/text.h"
#include "relay/codec/characters.h"
#include "relay/codec/find_either.h"

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
    i += plain_run(bytes.substr(i));
    if (i == bytes.size()) break;
    position_ = before + i;
    step(bytes[i++]);
  }
  position_ = before + i;
  return state_;
}

// Takes the bytes at the front of which none is a step of its own. Most of a body is one long
// string: text or an image.
size_t ModelScanner::plain_run(std::string_view bytes) {
  if (escaped_ || hex_left_ > 0 || high_surrogate_ != 0) return 0;
  if (step_ == Step::kInString) return find_either(bytes, '"', '\\');
  if (step_ != Step::kInKey && step_ != Step::kInModel) return 0;
  const auto plain = [](char c) {
    return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20;
  };
  size_t run = 0;
  while (run < bytes.size() && plain(bytes[run])) ++run;
  append(bytes.substr(0, run));
  return run;
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
  if (text_.size() <= kModelBytes) text_.append(bytes.substr(0, kModelBytes + 1 - text_.size()));
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

using Count = std::optional<uint64_t>;

// A sum of what is there; nullopt where nothing is.
Count sum(std::initializer_list<Count> parts) {
  Count total;
  for (const Count& part : parts) {
    if (part) total = total.value_or(0) + *part;
  }
  return total;
}

Count count_of(std::optional<JsonSlice> value) { return value ? value->count() : std::nullopt; }

Usage openai_usage(JsonSlice usage) {
  // Chat's name of each, and behind it that of Responses.
  std::array<JsonMember, 8> members{{{"prompt_tokens"},
                                     {"input_tokens"},
                                     {"completion_tokens"},
                                     {"output_tokens"},
                                     {"prompt_tokens_details"},
                                     {"input_tokens_details"},
                                     {"completion_tokens_details"},
                                     {"output_tokens_details"}}};
  if (!usage.pick(members).whole) return {};
  const auto either = [&](size_t chat) {
    return members[chat].value ? members[chat].value : members[chat + 1].value;
  };
  return {.input = count_of(either(0)),
          .output = count_of(either(2)),
          .cached = count_of(find(either(4), "cached_tokens")),
          .reasoning = count_of(find(either(6), "reasoning_tokens"))};
}

Usage anthropic_usage(JsonSlice usage) {
  std::array<JsonMember, 4> members{{{"input_tokens"},
                                     {"cache_read_input_tokens"},
                                     {"cache_creation_input_tokens"},
                                     {"output_tokens"}}};
  if (!usage.pick(members).whole) return {};
  const auto& [input, read, created, output] = members;
  const Count cached = count_of(read.value);
  return {.input = sum({count_of(input.value), cached, count_of(created.value)}),
          .output = count_of(output.value),
          .cached = cached,
          .reasoning = {}};
}

Usage gemini_usage(JsonSlice usage) {
  std::array<JsonMember, 5> members{{{"promptTokenCount"},
                                     {"toolUsePromptTokenCount"},
                                     {"thoughtsTokenCount"},
                                     {"candidatesTokenCount"},
                                     {"cachedContentTokenCount"}}};
  if (!usage.pick(members).whole) return {};
  const auto& [prompt, tools, thoughts, candidates, cached] = members;
  const Count reasoning = count_of(thoughts.value);
  return {.input = sum({count_of(prompt.value), count_of(tools.value)}),
          .output = sum({count_of(candidates.value), reasoning}),
          .cached = count_of(cached.value),
          .reasoning = reasoning};
}

// What an answer, or an event of one, says of usage: itself or in the object that it carries.
std::optional<JsonSlice> usage_in(Dialect dialect, JsonSlice answer) {
  if (dialect == Dialect::kGemini) return answer.find("usageMetadata");
  const auto usage = answer.find("usage");
  if (usage) return usage;
  return find(answer.find(dialect == Dialect::kOpenAi ? "response" : "message"), "usage");
}

}  // namespace

Usage usage_of_object(Dialect dialect, JsonSlice usage) {
  switch (dialect) {
    case Dialect::kOpaque:
      return {};
    case Dialect::kOpenAi:
      return openai_usage(usage);
    case Dialect::kAnthropic:
      return anthropic_usage(usage);
    case Dialect::kGemini:
      return gemini_usage(usage);
  }
  return {};
}

Usage usage_of(Dialect dialect, std::string_view json) {
  // The word is looked for first: most events of a stream have none, and are not parsed then.
  if (dialect == Dialect::kOpaque || json.find("usage") == std::string_view::npos) return {};
  if (!is_json(json)) return {};
  const JsonSlice root(json);
  Usage out;
  const auto take = [&](JsonSlice answer) {
    if (const auto usage = usage_in(dialect, answer)) out.merge(usage_of_object(dialect, *usage));
  };
  take(root);
  if (dialect == Dialect::kGemini) {
    for (const JsonSlice& answer : root.elements()) take(answer);
  }
  return out;
}

}  // namespace culvert
