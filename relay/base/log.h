// The operational log: one JSON object a line on standard error. Safe on any thread.
// Callers pass secrets only masked (base/secret.h) and never bodies or queries (privacy: Logs).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace culvert::log {

enum class Level : uint8_t { kDebug, kInfo, kWarn, kError };

// A named value of a line.
struct Field {
  std::string_view name;
  std::variant<std::string, int64_t, double, bool> value;

  Field(std::string_view n, std::string_view text) : name(n), value(std::string(text)) {}
  Field(std::string_view n, const char* text) : name(n), value(std::string(text)) {}
  Field(std::string_view n, const std::string& text) : name(n), value(text) {}
  Field(std::string_view n, bool truth) : name(n), value(truth) {}
  Field(std::string_view n, double number) : name(n), value(number) {}
  template <class Integer>
  requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>)
      Field(std::string_view n, Integer number)
      : name(n), value(static_cast<int64_t>(number)) {}
};

using Fields = std::initializer_list<Field>;

void set_level(Level least);
bool enabled(Level level);

void write(Level level, std::string_view message, Fields fields);
inline void debug(std::string_view message, Fields fields = {}) {
  if (enabled(Level::kDebug)) write(Level::kDebug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::kInfo, message, fields);
}
inline void warn(std::string_view message, Fields fields = {}) {
  write(Level::kWarn, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::kError, message, fields);
}

}  // namespace culvert::log
