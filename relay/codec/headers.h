// Header fields in the order and spelling in which they came (RFC 9110 §5); names compare without
// case. A list: heads are short and are walked more often than searched. All text lies in one piece
// of memory, because two strings for each field were most of what a request allocated; what was
// reserved is kept for the thread's next list.
#pragma once

#include "relay/base/field_name.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// A field of a list; valid until the list changes.
struct Header {
  std::string_view name;
  std::string_view value;
  friend bool operator==(const Header&, const Header&) = default;
};

class Headers {
  struct Field {
    uint32_t begin;  // in text_: the name, and behind it the value
    uint32_t name_bytes;
    uint32_t value_bytes;
    uint32_t mark;  // of the name, as FieldName's
  };

 public:
  class Iterator {
   public:
    Iterator(const std::string& text, const Field* at) : text_(&text), at_(at) {}
    Header operator*() const { return header(*text_, *at_); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    const std::string* text_;
    const Field* at_;
  };

  Headers() = default;
  Headers(const Headers&) = default;
  Headers(Headers&&) noexcept = default;
  Headers& operator=(const Headers&) = default;
  Headers& operator=(Headers&& other) noexcept;
  ~Headers() {
    if (fields_.capacity() > 0) keep_memory();
  }

  // Neither may be of this list itself.
  void add(FieldName name, std::string_view value);
  void append_to_last(std::string_view text);  // to the value that add() has just added
  // The first of that name; valid until the list changes.
  std::optional<std::string_view> find(FieldName name) const;
  size_t count(FieldName name) const;
  void set(FieldName name, std::string_view value);  // replaces all of that name
  void erase(FieldName name);
  // All values of that name, joined with ", " (RFC 9110 §5.3); "" where there are none.
  std::string joined(FieldName name) const;
  void clear();
  void reserve(size_t fields, size_t bytes);  // bytes of all names and values

  size_t size() const { return fields_.size(); }
  size_t bytes() const { return text_.size(); }
  // Of all fields in a row, and perhaps of some that are no longer there.
  std::string_view text() const { return text_; }
  bool empty() const { return fields_.empty(); }
  Iterator begin() const { return {text_, fields_.data()}; }
  Iterator end() const { return {text_, fields_.data() + fields_.size()}; }

 private:
  static Header header(const std::string& text, const Field& field) {
    const std::string_view from = std::string_view(text).substr(field.begin);
    return {from.substr(0, field.name_bytes), from.substr(field.name_bytes, field.value_bytes)};
  }
  bool has_name(const Field& field, FieldName name) const {
    return field.mark == name.mark() && equal_ignoring_case(header(text_, field).name, name.text());
  }

  using Fields = std::vector<Field>;
  struct Kept;
  void keep_memory();

  Fields fields_;
  std::string text_;  // also of fields that were erased
};

}  // namespace culvert
