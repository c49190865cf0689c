// The environment of a relay as resources: the same messages that a file gives. Pure: variables in,
// resources out. A variable wins over the file; one that is set to nothing counts as not set.
#pragma once

#include "proto/resources.h"
#include "relay/base/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

using Variables = std::map<std::string, std::string, std::less<>>;

// Whether a variable may be one of ours: what else is set need not be read. {NAME}_API_KEYS may be
// another program's.
bool is_relay_variable(std::string_view name);

// Lays the variables over `resources` (of a file, or empty) and adds a sentence to `warnings` for
// each that looks like ours and is ignored. Errors are kInvalidConfig: `VARIABLE: what is wrong;
// what is allowed`. Form is checked here, meaning by proto/validate, whose places then name the
// variable.
Result<void> apply_environment(const Variables& variables,
                               Resources* resources,
                               std::vector<std::string>* warnings);

}  // namespace culvert
