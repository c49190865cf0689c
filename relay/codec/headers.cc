// A plain list.
#include "relay/codec/headers.h"

#include "relay/base/text.h"

namespace culvert {

void Headers::add(std::string_view name, std::string_view value) {
  fields_.push_back({std::string(name), std::string(value)});
}

const std::string* Headers::find(std::string_view name) const {
  for (const Header& field : fields_) {
    if (equal_ignoring_case(field.name, name)) return &field.value;
  }
  return nullptr;
}

size_t Headers::count(std::string_view name) const {
  size_t found = 0;
  for (const Header& field : fields_) found += equal_ignoring_case(field.name, name) ? 1 : 0;
  return found;
}

void Headers::set(std::string_view name, std::string_view value) {
  erase(name);
  add(name, value);
}

void Headers::erase(std::string_view name) {
  std::erase_if(fields_,
                [&](const Header& field) { return equal_ignoring_case(field.name, name); });
}

std::string Headers::joined(std::string_view name) const {
  std::string out;
  for (const Header& field : fields_) {
    if (!equal_ignoring_case(field.name, name)) continue;
    if (!out.empty()) out += ", ";
    out += field.value;
  }
  return out;
}

}  // namespace culvert
