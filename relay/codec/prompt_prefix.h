// By what a conversation is known again while it grows: a digest of its instructions and its first
// user message, out of a body that arrives in pieces. All dialects: OpenAI's messages, input,
// instructions and prompt, Anthropic's system and messages, Gemini's systemInstruction and
// contents.
//
// Taken are the strings in them, not their bytes: a client that marks its newest message for
// caching writes the older ones without the mark, and as a string where blocks were. Nothing is
// kept, and no grammar is checked: what is no JSON has no conversation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

class PromptPrefix {
 public:
  enum class State : uint8_t {
    kNeedMore,
    kFound,   // digest() is it
    kAbsent,  // the body ended without a user message, or is no JSON object
  };

  // What counts of the instructions, and of each message up to the first of the user.
  static constexpr size_t kPartBytes = 4096;

  State feed(std::string_view bytes);
  State finish();  // the body ended: kNeedMore becomes kAbsent
  State state() const { return state_; }
  std::string digest() const;  // 16 hexadecimal digits; "" unless found

 private:
  enum class Part : uint8_t { kOther, kInstructions, kTurns };

  void outside(char c);
  void open(bool array);
  void close();
  void begin_string();
  const char* in_string(const char* at, const char* end);
  void take(std::string_view text);
  void end_string();
  void end_key();
  void end_turn();
  bool in_object() const;
  bool counts() const { return part_ != Part::kOther && !skips_ && skipped_from_ == 0; }

  State state_ = State::kNeedMore;
  Part part_ = Part::kOther;  // of the root's member that comes
  uint64_t hash_ = 0xCBF29CE484222325ULL;
  size_t left_ = kPartBytes;  // of the part that is read
  uint64_t arrays_ = 0;       // a bit for each of the first 64 levels
  uint32_t depth_ = 0;
  uint32_t skipped_from_ = 0;  // the level from which on nothing counts; 0: none
  bool skips_ = false;         // the value of the last key
  bool key_is_role_ = false;
  bool key_is_skipped_whole_ = false;
  bool others_turn_ = false;  // the message that is read is not the user's
  bool users_turn_ = false;   // it says that it is
  bool any_ = false;          // something was taken
  bool expects_key_ = false;
  bool in_string_ = false;
  bool is_key_ = false;
  bool escaped_ = false;
  uint8_t word_size_ = 0;  // of the key or the role; one more than fits: too long
  std::array<char, 20> word_{};
};

}  // namespace culvert
