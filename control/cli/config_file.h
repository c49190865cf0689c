// The operator's own configuration file: named services (contexts) and which of them is spoken to.
//   current: home
//   contexts: { home: { server: "127.0.0.1:7443", ca: "/etc/culvert/ca.pem", token: "…" } }
// Reading and writing of its text are pure; errors are `FILE:LINE: what is wrong; what is allowed`.
#pragma once

#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <map>
#include <string>
#include <string_view>

namespace culvert::cli {

struct Context {
  std::string server;  // HOST:PORT
  std::string ca;      // path of a PEM file; empty: the system's authorities
  Secret token;        // the value, or `env:NAME`, `file:PATH`
};

struct ConfigFile {
  std::string current;  // empty: none chosen
  std::map<std::string, Context, std::less<>> contexts;
};

Result<ConfigFile> parse_config(std::string_view file, std::string_view text);
std::string print_config(const ConfigFile& config);

// Of a file that may not be there: then an empty one. A file that every user of the machine can
// read is refused with the command that repairs it, because it holds tokens.
Result<ConfigFile> load_config(const std::string& path);
Result<void> save_config(const std::string& path, const ConfigFile& config);

}  // namespace culvert::cli
