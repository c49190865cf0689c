// Reads JSON that passes in pieces and keeps next to nothing of it: weighs the text in it and takes
// out the object that tells the usage, wherever in a large answer it stands. simdjson would need
// the whole document. No allocation but for that object's few bytes; checks no grammar: what is no
// JSON weighs something or nothing, and harms nobody.
#pragma once

#include "relay/base/dialect.h"
#include "relay/codec/json.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

// Text is weighed in quarters of a token, by its UTF-8 lead bytes: 1 for ASCII, 2 for what takes
// two bytes (accents, Cyrillic, Greek, Arabic), 4 for three (CJK, kana, Hangul: a token each), 8
// for four (emoji). Against the vendors' own tokenizers this is off by a fifth on English prose,
// says up to a third too little for code and dense JSON, and up to half too much for Chinese,
// Japanese and Korean with the newest vocabularies. It is for what nobody else counted.
constexpr uint64_t tokens_of(uint64_t quarters) { return (quarters + 3) / 4; }

class JsonScan {
 public:
  // Members whose strings are text, one bit each; see kNames in json_scan.cc.
  using Names = uint32_t;
  static constexpr Names kNone = 0;
  static constexpr Names kRequest = 1;  // of what a client asks, in any dialect
  static constexpr Names kAnswer = 2;   // of a whole answer, and of Anthropic's and Gemini's events
  static constexpr Names kChatDelta = 4;   // of an event with "choices"
  static constexpr Names kPlainDelta = 8;  // of an event of Responses and its like

  explicit JsonScan(Names names) : names_(names) {}

  void feed(std::string_view bytes);
  void restart(Names names);  // the next document; the weight goes on
  uint64_t quarters() const { return quarters_; }

  // Of the last "usage" or "usageMetadata" among the document's own members (of an array: of its
  // elements'); empty where there was none, or one too large to be one.
  Usage usage(Dialect dialect) const;
  uint32_t usages() const { return usages_; }  // how many there were

 private:
  const char* begin_string(const char* at, const char* end);
  const char* in_string(const char* at, const char* end);
  const char* in_key(const char* at, const char* end);
  const char* skip_text(const char* at, const char* end);
  void escape_byte(char c);
  void hex_byte(char c);
  void outside(char c);
  void open(bool array);
  void close();
  void end_key(std::string_view key);
  bool in_object() const;
  bool weighs() const { return deep_ != 0 || (name_ & names_) != 0; }
  void capture(const char* from, const char* to);

  Names names_;
  Names name_ = kNone;  // of the value that comes: for whom it is text
  uint64_t quarters_ = 0;
  uint64_t arrays_ = 0;  // a bit for each of the first 64 levels
  uint32_t depth_ = 0;
  uint32_t deep_ = 0;  // the level from which on everything is text: a tool's arguments
  bool name_is_deep_ = false;
  bool name_is_usage_ = false;
  bool expects_key_ = false;
  bool in_string_ = false;
  bool is_key_ = false;
  bool escaped_ = false;
  uint8_t hex_left_ = 0;
  uint32_t hex_ = 0;
  uint8_t key_size_ = 0;  // one more than fits: too long to be of interest
  std::array<char, 24> key_{};

  bool capturing_ = false;
  uint32_t capture_depth_ = 0;
  uint32_t usages_ = 0;
  std::string usage_;
};

}  // namespace culvert
