// Writes ClientHellos for tests and fuzzers, right ones and such as no library would send.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert::test {

// In network order.
inline std::string number(size_t value, size_t width) {
  std::string out;
  for (size_t left = width; left > 0; --left) {
    out += static_cast<char>(value >> (8 * (left - 1)) & 0xFFU);
  }
  return out;
}

inline std::string counted(std::string_view bytes, size_t width) {
  return number(bytes.size(), width).append(bytes);
}

inline std::string extension(size_t type, std::string_view data) {
  return number(type, 2) + counted(data, 2);
}

inline std::string server_name(std::string_view name) {
  return extension(0, counted(number(0, 1) + counted(name, 2), 2));
}

// extensions: all of them; the length before them is written here.
inline std::string hello_body(std::string_view extensions, size_t version = 0x0303) {
  return number(version, 2) + std::string(32, 'r') + counted(std::string(32, 's'), 1) +
         counted("\x13\x01\xC0\x2F", 2) + counted(std::string(1, '\0'), 1) + counted(extensions, 2);
}

inline std::string handshake(std::string_view body, size_t type = 1) {
  return number(type, 1) + counted(body, 3);
}

inline std::string record(std::string_view fragment, size_t type = 22, size_t version = 0x0301) {
  return number(type, 1) + number(version, 2) + counted(fragment, 2);
}

// A message in records of so many bytes.
inline std::string records(std::string_view message, size_t fragment_bytes = 1U << 14) {
  std::string out;
  while (!message.empty()) {
    const std::string_view fragment = message.substr(0, fragment_bytes);
    out += record(fragment);
    message.remove_prefix(fragment.size());
  }
  return out;
}

inline std::string hello(std::string_view extensions) {
  return records(handshake(hello_body(extensions)));
}

}  // namespace culvert::test
