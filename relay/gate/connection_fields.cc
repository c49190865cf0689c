// Walked anew for each name, because `Connection` rarely names more than one field.
#include "relay/gate/connection_fields.h"

#include "relay/base/text.h"

namespace culvert {

ConnectionFields::ConnectionFields(const Headers& headers)
    : listed_(headers.joined("Connection")) {}

bool ConnectionFields::contains(std::string_view name) const { return list_has(listed_, name); }

}  // namespace culvert
