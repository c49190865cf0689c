// A list, because `Connection` rarely names more than one field.
#include "relay/gate/connection_fields.h"

#include "relay/base/text.h"

#include <algorithm>

namespace culvert {

ConnectionFields::ConnectionFields(const Headers& headers) {
  for (const Header& field : headers) {
    if (!equal_ignoring_case(field.name, "connection")) continue;
    for (const std::string_view name : split_list(field.value)) names_.push_back(lower(name));
  }
}

bool ConnectionFields::contains(std::string_view name) const {
  return std::any_of(names_.begin(), names_.end(),
                     [&](const std::string& known) { return equal_ignoring_case(known, name); });
}

}  // namespace culvert
