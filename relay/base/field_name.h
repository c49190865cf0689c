// Names of header fields, which compare without case (RFC 9110 §5.1). A request compares hundreds,
// and nearly all differ: each has a mark, of its length and three of its characters, that is
// compared first. Comparing text alone was a tenth of a request's instructions.
#pragma once

#include "relay/base/text.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

class FieldName {
 public:
  // Implicit: wherever a name is asked for, text is one.
  constexpr FieldName(std::string_view text)  // NOLINT(google-explicit-constructor)
      : text_(text), mark_(mark_of(text)) {}
  constexpr FieldName(const char* text)  // NOLINT(google-explicit-constructor)
      : FieldName(std::string_view(text)) {}
  FieldName(const std::string& text)  // NOLINT(google-explicit-constructor)
      : FieldName(std::string_view(text)) {}

  constexpr std::string_view text() const { return text_; }
  constexpr uint32_t mark() const { return mark_; }

  friend bool operator==(FieldName a, FieldName b) {
    return a.mark_ == b.mark_ && equal_ignoring_case(a.text_, b.text_);
  }

 private:
  // `_` counts as `-`, for those to whom they are one (base/denied_headers.h); equal names have
  // equal marks either way.
  static constexpr uint32_t folded(char c) {
    const uint32_t low = static_cast<unsigned char>(c) | 0x20U;
    return low == ('_' | 0x20U) ? uint32_t{'-'} : low;
  }
  static constexpr uint32_t mark_of(std::string_view text) {
    if (text.empty()) return 0;
    return static_cast<uint32_t>(text.size()) << 24U | folded(text.front()) << 16U |
           folded(text[text.size() / 2]) << 8U | folded(text.back());
  }

  std::string_view text_;
  uint32_t mark_;
};

// A constant list of different names that is searched in constant time.
template <size_t N>
class FieldTable {
 public:
  consteval explicit FieldTable(const std::array<std::string_view, N>& names) : names_(names) {
    slots_.fill(N);
    for (size_t i = 0; i < N; ++i) {
      const FieldName name(names[i]);
      marks_[i] = name.mark();
      size_t slot = slot_of(name.mark());
      while (slots_[slot] != N) slot = (slot + 1) % kSlots;
      slots_[slot] = i;
    }
  }

  // Its place in the list; N where it is not there.
  size_t find(FieldName name) const {
    for (size_t slot = slot_of(name.mark());; slot = (slot + 1) % kSlots) {
      const size_t place = slots_[slot];
      if (place == N) return N;
      if (marks_[place] == name.mark() && equal_ignoring_case(names_[place], name.text())) {
        return place;
      }
    }
  }
  bool contains(FieldName name) const { return find(name) != N; }

 private:
  static constexpr size_t kSlots = std::bit_ceil(2 * N);  // half of them stay empty

  static constexpr size_t slot_of(uint32_t mark) {
    return (mark * uint32_t{0x9E3779B1} >> 16U) % kSlots;
  }

  std::array<std::string_view, N> names_;
  std::array<uint32_t, N> marks_{};
  std::array<size_t, kSlots> slots_{};
};

template <size_t N>
FieldTable(const std::array<std::string_view, N>&) -> FieldTable<N>;

}  // namespace culvert
