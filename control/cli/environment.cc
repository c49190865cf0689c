// getenv, called before there are threads that could change the environment.
#include "control/cli/environment.h"

#include <cstdlib>

namespace culvert::cli {

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
}

std::string variable(const Environment& environment, const std::string& name) {
  return environment(name).value_or("");
}

std::string config_path(const Environment& environment) {
  const std::string configured = variable(environment, "XDG_CONFIG_HOME");
  if (configured.rfind('/', 0) == 0) return configured + "/culvert/config.yaml";
  const std::string home = variable(environment, "HOME");
  return home.empty() ? std::string() : home + "/.config/culvert/config.yaml";
}

}  // namespace culvert::cli
