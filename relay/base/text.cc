// ASCII text without a locale.
#include "relay/base/text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace culvert {
namespace {

constexpr uint64_t kEach = 0x0101010101010101;
constexpr uint64_t kCase = kEach * 0x20;

// What differs is the case of letters alone. No byte of a sum carries into the next one.
bool eight_equal(uint64_t a, uint64_t b) {
  const uint64_t differs = a ^ b;
  if (differs == 0) return true;
  if ((differs & ~kCase) != 0) return false;
  const uint64_t low = (a | kCase) & (kEach * 0x7F);
  const uint64_t from_a = low + kEach * (0x80 - 'a');  // the top bit: of a letter or above
  const uint64_t above_z = low + kEach * (0x7F - 'z');
  const uint64_t letters = from_a & ~above_z & ~a & (kEach * 0x80);
  return (differs & ~(letters >> 2U)) == 0;
}

template <class Word>
Word read(const char* from) {
  Word word{};
  std::memcpy(&word, from, sizeof word);
  return word;
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

// Eight at a time, and what is left over the end: byte by byte it was two hundred instructions for
// each name that a head and a table spell differently.
bool equal_but_for_case(const char* a, const char* b, size_t size) {
  if (size >= sizeof(uint64_t)) {
    const size_t last = size - sizeof(uint64_t);
    for (size_t i = 0; i < last; i += sizeof(uint64_t)) {
      if (!eight_equal(read<uint64_t>(a + i), read<uint64_t>(b + i))) return false;
    }
    return eight_equal(read<uint64_t>(a + last), read<uint64_t>(b + last));
  }
  if (size >= sizeof(uint32_t)) {
    const size_t last = size - sizeof(uint32_t);
    return eight_equal(read<uint32_t>(a), read<uint32_t>(b)) &&
           eight_equal(read<uint32_t>(a + last), read<uint32_t>(b + last));
  }
  for (size_t i = 0; i < size; ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split_list(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (const auto part = trim(text.substr(0, end)); !part.empty()) parts.push_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool list_has(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    const auto part = trim(list.substr(0, end));
    if (!part.empty() && equal_ignoring_case(part, word)) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

bool LessIgnoringCase::operator()(std::string_view a, std::string_view b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return lower(x) < lower(y); });
}

}  // namespace culvert
