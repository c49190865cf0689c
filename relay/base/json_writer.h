// Writes one JSON object or array (RFC 8259) to a string. Every JSON text that the relay makes
// itself (log lines, errors, pages) goes through it. Our own and not a library's, because each
// request writes a line with it: a known name costs a copy, and text that needs no escaping a copy
// after a look at eight bytes at a time. One writer can be used again, and then asks for no memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

// A member's name that is known when the program is made, and needs no escaping.
class JsonName {
 public:
  consteval JsonName(const char* text) : text_(text) {  // NOLINT(google-explicit-constructor)
    for (const char c : text_) {
      if (c < 0x20 || c >= 0x7F || c == '"' || c == '\\') throw "a name that needs escaping";
    }
  }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

class JsonWriter {
 public:
  static constexpr size_t kDepth = 64;  // of objects and arrays in each other

  JsonWriter& begin_object() { return begin('{'); }
  JsonWriter& end_object() { return end('}'); }
  JsonWriter& begin_array() { return begin('['); }
  JsonWriter& end_array() { return end(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);  // bytes that are not UTF-8 become U+FFFD
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth);
  JsonWriter& value(int64_t number);
  JsonWriter& value(uint64_t number);
  JsonWriter& value(int number) { return value(static_cast<int64_t>(number)); }
  JsonWriter& value(double number);  // at most three decimals; not a number becomes null
  JsonWriter& null();

  template <class T>
  JsonWriter& field(JsonName name, const T& content) {
    return member(name.text()).value(content);
  }

  std::string_view view() const { return {memory_.data(), size_}; }
  std::string take();  // begins anew
  void clear();        // begins anew in the same memory

 private:
  JsonWriter& begin(char bracket);
  JsonWriter& end(char bracket);
  JsonWriter& member(std::string_view plain_name);
  JsonWriter& quote(std::string_view plain);
  JsonWriter& word(std::string_view plain);
  char* room(size_t bytes);
  char* place(size_t bytes);
  JsonWriter& written_to(const char* end);

  std::string memory_;  // all of its size is room, so that a piece is one look and a copy
  size_t size_ = 0;     // of what is written
  uint64_t begun_ = 0;  // a bit for each open one, the innermost lowest: it has a member
  size_t depth_ = 0;
  bool after_key_ = false;
};

// The text with every invalid UTF-8 sequence replaced by U+FFFD (RFC 3629).
std::string valid_utf8(std::string_view text);

}  // namespace culvert
