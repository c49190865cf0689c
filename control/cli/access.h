// Which service is spoken to, and as whom: flags win over variables, and those over the current
// context of the configuration file. Pure but for the files that are named.
#pragma once

#include "control/cli/config_file.h"
#include "control/cli/environment.h"
#include "relay/base/clock.h"
#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <string>

namespace culvert::cli {

struct AccessFlags {
  std::string server;
  std::string ca;
  std::string token;
  std::string context;
};

struct Access {
  std::string server;   // HOST:PORT
  std::string ca_pem;   // empty: the system's authorities
  std::string ca_file;  // for messages
  Secret token;
  Duration timeout = std::chrono::seconds(10);  // of one call
};

// A context's token and CA go only to the context's own server: with --server or CULVERT_SERVER
// naming another one, they have to be given too. Errors are kBadRequest, one line.
Result<Access> find_access(const AccessFlags& flags, const Environment& environment);

// "HOST:PORT" with a port, or what is wrong with it.
Result<std::string> server_address(const std::string& written, const std::string& place);

}  // namespace culvert::cli
