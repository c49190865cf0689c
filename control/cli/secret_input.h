// Secrets that an operator hands in: references are followed here, on the operator's machine,
// because `env:` and `file:` name places that the service does not have and must not read on
// somebody's behalf.
#pragma once

#include "control/cli/environment.h"
#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <string>

namespace culvert::cli {

// `env:NAME`, `file:PATH` (one line break at its end is taken off), or the value itself. Errors are
// kInvalidConfig without a place, and never hold the secret.
Result<Secret> follow_reference(const std::string& written, const Environment& environment);

// One line of standard input without its line break.
Result<Secret> secret_from_input();

}  // namespace culvert::cli
