// The first life of a service: its data directory with store, master key, authority, certificate
// and the first operator's token.
#pragma once

#include "control/config/identity.h"
#include "control/store/data_directory.h"
#include "relay/base/clock.h"
#include "relay/base/secret.h"

#include <string>
#include <vector>

namespace culvert::control {

struct Initialised {
  Secret token;             // of the first admin, whose name is "admin"
  std::string fingerprint;  // of the authority's certificate
};

// Errors: kInvalidConfig where the directory is there already and not empty, or a host is no name.
Result<Initialised> initialise(const std::string& directory,
                               const std::vector<std::string>& hosts,
                               const Clock& clock);

}  // namespace culvert::control
