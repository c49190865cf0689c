// What the process is told from outside beside its arguments: variables. The only place of the
// program that reads them, and tests give others.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace culvert::cli {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

Environment process_environment();

// The variable's value, or empty where it is not set or empty.
std::string variable(const Environment& environment, const std::string& name);

// $XDG_CONFIG_HOME/culvert/config.yaml, or ~/.config/culvert/config.yaml; empty where neither is
// known. XDG's base directory specification: what is not absolute does not count.
std::string config_path(const Environment& environment);

}  // namespace culvert::cli
