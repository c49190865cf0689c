// Levels: 1 is the root object, 2 the list of messages, 3 a message.
#include "relay/codec/prompt_prefix.h"

#include <algorithm>
#include <cstring>

namespace culvert {
namespace {

constexpr std::string_view kInstructions[] = {"system", "instructions", "systemInstruction",
                                              "system_instruction"};
constexpr std::string_view kTurns[] = {"messages", "contents", "input", "prompt"};
// What says nothing of a conversation, or changes while it goes on.
constexpr std::string_view kSkipped[] = {"type", "role", "id", "status"};
constexpr std::string_view kSkippedWhole = "cache_control";

template <size_t N>
bool is_one(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

}  // namespace

PromptPrefix::State PromptPrefix::feed(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at < end && state_ == State::kNeedMore) {
    if (in_string_) {
      at = in_string(at, end);
    } else {
      outside(*at++);
    }
  }
  return state_;
}

PromptPrefix::State PromptPrefix::finish() {
  if (state_ == State::kNeedMore) state_ = State::kAbsent;
  return state_;
}

std::string PromptPrefix::digest() const {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  if (state_ != State::kFound) return out;
  for (int shift = 60; shift >= 0; shift -= 4) out += kHex[hash_ >> shift & 0xF];
  return out;
}

bool PromptPrefix::in_object() const {
  return depth_ > 0 && depth_ <= 64 && (arrays_ >> (depth_ - 1) & 1U) == 0;
}

void PromptPrefix::outside(char c) {
  switch (c) {
    case '"':
      return begin_string();
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
      // Before the root: a byte order mark, a number, a page.
      if (depth_ == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n') finish();
  }
}

void PromptPrefix::open(bool array) {
  if (depth_ == 0 && array) {
    finish();
    return;
  }
  if (key_is_skipped_whole_ && skipped_from_ == 0) skipped_from_ = depth_;
  key_is_skipped_whole_ = skips_ = false;
  if (depth_ < 64) {
    const uint64_t bit = uint64_t{1} << depth_;
    arrays_ = array ? arrays_ | bit : arrays_ & ~bit;
  }
  ++depth_;
  if (part_ == Part::kTurns && depth_ == 3) {
    others_turn_ = users_turn_ = false;
    left_ = kPartBytes;
  }
  expects_key_ = !array && in_object();
}

void PromptPrefix::close() {
  if (depth_ == 0) return;
  --depth_;
  if (skipped_from_ != 0 && depth_ <= skipped_from_) skipped_from_ = 0;
  skips_ = expects_key_ = false;
  if (depth_ == 0) {
    finish();
  } else if (part_ == Part::kTurns && depth_ == 2) {
    end_turn();
  } else if (depth_ == 1) {
    part_ = Part::kOther;
  }
}

// A message without a role is the user's, as Gemini has it.
void PromptPrefix::end_turn() {
  if (!others_turn_ && any_) state_ = State::kFound;
}

void PromptPrefix::begin_string() {
  if (depth_ == 0) {
    finish();
    return;
  }
  in_string_ = true;
  is_key_ = expects_key_;
  word_size_ = 0;
}

// Up to the string's end or its next escape.
const char* PromptPrefix::in_string(const char* at, const char* end) {
  if (escaped_) {
    escaped_ = false;
    take({at, 1});
    return at + 1;
  }
  const char* const from = at;
  while (at < end && *at != '"' && *at != '\\') ++at;
  take({from, static_cast<size_t>(at - from)});
  if (at == end || state_ != State::kNeedMore) return at;
  if (*at == '"') {
    end_string();
  } else {
    escaped_ = true;
    take("\\");
  }
  return at + 1;
}

// FNV-1a (draft-eastlake-fnv): nobody gains by two conversations that share a key.
void PromptPrefix::take(std::string_view text) {
  if (is_key_ || key_is_role_) {
    const size_t room = word_.size() - std::min<size_t>(word_size_, word_.size());
    if (text.size() > room) {
      word_size_ = static_cast<uint8_t>(word_.size() + 1);
    } else if (!text.empty()) {
      std::memcpy(word_.data() + word_size_, text.data(), text.size());
      word_size_ = static_cast<uint8_t>(word_size_ + text.size());
    }
  }
  if (is_key_ || !counts()) return;
  text = text.substr(0, left_);
  left_ -= text.size();
  any_ = any_ || !text.empty();
  for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  if (left_ == 0 && users_turn_) state_ = State::kFound;
}

void PromptPrefix::end_string() {
  in_string_ = false;
  if (is_key_) return end_key();
  const std::string_view word(word_.data(), word_size_ <= word_.size() ? word_size_ : 0);
  if (key_is_role_) {
    users_turn_ = word == "user";
    others_turn_ = !users_turn_;
    if (users_turn_ && left_ == 0) state_ = State::kFound;
  }
  if (counts() && left_ > 0) hash_ *= 0x100000001B3ULL;  // where one ends and the next begins
  key_is_role_ = skips_ = false;
  // A prompt that is one string, or a list of them.
  const bool turn = part_ == Part::kTurns && (depth_ == 1 || (depth_ == 2 && !in_object()));
  if (turn && any_) state_ = State::kFound;
  if (depth_ == 1) part_ = Part::kOther;
}

void PromptPrefix::end_key() {
  is_key_ = expects_key_ = false;
  const std::string_view key(word_.data(), word_size_ <= word_.size() ? word_size_ : 0);
  skips_ = is_one(key, kSkipped);
  key_is_role_ = key == "role" && part_ == Part::kTurns && depth_ == 3;
  key_is_skipped_whole_ = key == kSkippedWhole;
  if (depth_ != 1) return;
  part_ = is_one(key, kInstructions) ? Part::kInstructions
          : is_one(key, kTurns)      ? Part::kTurns
                                     : Part::kOther;
  skips_ = false;
  others_turn_ = users_turn_ = false;
  left_ = kPartBytes;
}

}  // namespace culvert
