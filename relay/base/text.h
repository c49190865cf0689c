// Small words about ASCII text. HTTP's names are ASCII and compared without case (RFC 9110 §5.1);
// the C library's functions follow the locale and may not be used for them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string lower(std::string_view text);
bool equal_but_for_case(const char* a, const char* b, size_t size);
// Names of fields are compared hundreds of times in a request: most differ in what is looked at
// here already.
inline bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  if (prefix.empty()) return true;
  if (((text.front() ^ prefix.front()) & ~0x20) != 0) return false;
  return equal_but_for_case(text.data(), prefix.data(), prefix.size());
}
inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && starts_with_ignoring_case(a, b);
}

// Without the spaces and tabs at both ends.
std::string_view trim(std::string_view text);

// The trimmed, non-empty parts between commas.
std::vector<std::string_view> split_list(std::string_view text, char separator = ',');

// One of these parts is that word, in any case.
bool list_has(std::string_view list, std::string_view word);

// Order without case, for maps of header names.
struct LessIgnoringCase {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};

}  // namespace culvert
