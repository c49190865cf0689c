// Places in one text. Heads are bounded far below what 32 bits can count (base/limits.h).
#include "relay/codec/headers.h"

#include "relay/base/text.h"

#include <cassert>

namespace culvert {

void Headers::add(std::string_view name, std::string_view value) {
  fields_.push_back({static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(name.size()),
                     static_cast<uint32_t>(value.size())});
  text_.append(name).append(value);
}

void Headers::append_to_last(std::string_view text) {
  assert(header(text_, fields_.back()).value.end() == std::string_view(text_).end());
  fields_.back().value_bytes += static_cast<uint32_t>(text.size());
  text_.append(text);
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const Header field : *this) {
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

size_t Headers::count(std::string_view name) const {
  size_t found = 0;
  for (const Header field : *this) found += equal_ignoring_case(field.name, name) ? 1 : 0;
  return found;
}

void Headers::set(std::string_view name, std::string_view value) {
  erase(name);
  add(name, value);
}

void Headers::erase(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) {
    return equal_ignoring_case(header(text_, field).name, name);
  });
}

std::string Headers::joined(std::string_view name) const {
  std::string out;
  for (const Header field : *this) {
    if (!equal_ignoring_case(field.name, name)) continue;
    if (!out.empty()) out += ", ";
    out += field.value;
  }
  return out;
}

void Headers::clear() {
  fields_.clear();
  text_.clear();
}

void Headers::reserve(size_t fields, size_t bytes) {
  fields_.reserve(fields);
  text_.reserve(bytes);
}

}  // namespace culvert
