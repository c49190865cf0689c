// Writes one JSON object or array to a string; RapidJSON does the escaping.
// Every JSON text that the relay makes itself (log lines, errors, pages) goes through it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace culvert {

class JsonWriter {
 public:
  JsonWriter();
  ~JsonWriter();

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
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

  std::string take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The text with every invalid UTF-8 sequence replaced by U+FFFD (RFC 3629).
std::string valid_utf8(std::string_view text);

}  // namespace culvert
