// Secrets as a configuration writes them: `env:NAME`, `file:PATH`, or the value itself. Main
// thread.
#pragma once

#include "relay/base/result.h"
#include "relay/base/secret.h"
#include "relay/config/bootstrap.h"

#include <string>
#include <vector>

namespace culvert {

// Of a file, one line break at its end is taken off. Errors are kInvalidConfig and name the
// variable or the file and the reason, without a place and never the secret. A file that everybody
// on the machine can read is a sentence in `warnings`.
Result<Secret> read_secret(const std::string& written,
                           const Environment& environment,
                           std::vector<std::string>* warnings);

}  // namespace culvert
