// Reading of the few files that a configuration names: certificates, keys, CA bundles, secrets.
#pragma once

#include "relay/base/result.h"

#include <string>

namespace culvert {

// The whole file, up to limits::kConfigBytes. Error: kInvalidConfig, "PATH: why".
Result<std::string> read_file(const std::string& path);

}  // namespace culvert
