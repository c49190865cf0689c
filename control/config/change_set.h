// From what stands and what is asked to what would stand: the pure half of an apply. Secrets that
// came masked get their value back, and the whole result is validated.
#pragma once

#include "control/config/resources.h"

#include <string>
#include <vector>

namespace culvert::control {

struct ChangeSet {
  std::vector<v1::Change> changes;    // with before and after as masked YAML
  std::vector<v1::Finding> findings;  // not empty: it cannot be done, and `changed` is of no use
  // What is written: by name, before and after; only what really changes.
  std::map<ResourceName, v1::StoredChange> changed;
};

// `asked`: resources and removes; the rest of it is not looked at.
ChangeSet make_change_set(const ResourceMap& now, const v1::ApplyRequest& asked);

}  // namespace culvert::control
