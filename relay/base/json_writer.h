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
  JsonWriter& field(std::string_view name, const T& content) {
    return key(name).value(content);
  }

  std::string_view view() const { return text_; }
  std::string take();  // begins anew
  void clear();        // begins anew in the same memory

 private:
  JsonWriter& begin(char bracket);
  JsonWriter& end(char bracket);
  void separate();
  void append_string(std::string_view text);

  std::string text_;
  uint64_t begun_ = 0;  // a bit for each open one, the innermost lowest: it has a member
  size_t depth_ = 0;
  bool after_key_ = false;
};

// The text with every invalid UTF-8 sequence replaced by U+FFFD (RFC 3629).
std::string valid_utf8(std::string_view text);

}  // namespace culvert
