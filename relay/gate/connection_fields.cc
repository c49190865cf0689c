// A list, because `Connection` rarely names more than one field.
#include "relay/gate/connection_fields.h"

#include "relay/base/text.h"

#include <algorithm>

namespace culvert {

ConnectionFields::ConnectionFields(const Headers& headers) {
  const std::string listed = headers.joined("Connection");
  for (const std::string_view name : split_list(listed)) names_.push_back(lower(name));
}

bool ConnectionFields::contains(std::string_view name) const {
  return std::any_of(names_.begin(), names_.end(),
                     [&](const std::string& known) { return equal_ignoring_case(known, name); });
}

}  // namespace culvert
