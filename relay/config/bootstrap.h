// From a file and the environment to a Snapshot. The only place of the relay that reads the
// environment, and, through secrets and CA files, the disk. Runs on the main thread, at the start
// and at SIGHUP.
#pragma once

#include "relay/base/result.h"
#include "relay/config/identity.h"
#include "relay/config/snapshot.h"

#include "proto/resources.h"

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
  std::vector<std::string> control;  // --control: HOST:PORT; wins over file and environment
  bool no_control = false;           // --no-control: as if this relay had not joined
};

// Of this process: getenv and environ.
BootstrapSource process_source(std::string config_file);

// Errors are kInvalidConfig; detail is the one line for people: where (file:line or variable), what
// is wrong, what is allowed. Never holds a secret.
Result<std::shared_ptr<const Snapshot>> load_snapshot(const BootstrapSource& source);

// The two halves of it, for a relay that puts what a control service sends in between. The first
// reads file and environment, lays the identity over them (region and labels of the join token;
// null: none) and checks the whole.
Result<Resources> load_resources(const BootstrapSource& source, const Identity* identity);
Result<std::shared_ptr<const Snapshot>> compile_resources(const Resources& resources,
                                                          const BootstrapSource& source,
                                                          std::vector<std::string>* warnings);
// Of this process, or nullopt where it has not joined, or is told to ignore it (no_control).
Result<std::optional<Identity>> load_identity(const BootstrapSource& source);
// Where the state is: of the configuration, else the usual place.
Result<std::string> state_dir_of(const BootstrapSource& source);

}  // namespace culvert
