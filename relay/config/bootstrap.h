// From a file and the environment to a Snapshot. The only place of the relay that reads the
// environment, and, through secrets and CA files, the disk. Runs on the main thread, at the start
// and at SIGHUP.
#pragma once

#include "relay/base/result.h"
#include "relay/config/snapshot.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace culvert {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct BootstrapSource {
  std::string config_file;  // empty: environment only
  Environment environment;  // one variable by name
  std::vector<std::string>
      variables;  // the names of all that are set, for PROXY_*_TARGET and *_API_KEYS
};

// Of this process: getenv and environ.
BootstrapSource process_source(std::string config_file);

// Errors are kInvalidConfig; detail is the one line for people: where (file:line or variable), what
// is wrong, what is allowed. Never holds a secret.
Result<std::shared_ptr<const Snapshot>> load_snapshot(const BootstrapSource& source);

}  // namespace culvert
