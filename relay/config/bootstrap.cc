// The steps from sources to a snapshot, in their order.
#include "relay/config/bootstrap.h"

#include "proto/config_error.h"
#include "proto/environment.h"
#include "proto/validate.h"
#include "proto/yaml.h"
#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/config/compile.h"
#include "relay/config/file.h"
#include "relay/config/secrets.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace culvert {
namespace {

// The cores that this process may use, which a container or taskset may have made fewer.
uint32_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return static_cast<uint32_t>(std::max(CPU_COUNT(&set), 1));
  }
  return static_cast<uint32_t>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
}

std::string default_state_dir(const Environment& environment) {
  if (geteuid() == 0) return "/var/lib/culvert";
  if (const auto state = environment("XDG_STATE_HOME"); state && !state->empty()) {
    return *state + "/culvert";
  }
  if (const auto home = environment("HOME"); home && !home->empty()) {
    return *home + "/.local/state/culvert";
  }
  return "/var/lib/culvert";
}

Result<Resources> read_resources(const std::string& config_file) {
  if (config_file.empty()) return Resources{};
  auto file = read_file(config_file, limits::kConfigBytes);
  if (!file) return config_error(config_file, file.error().detail);
  auto resources = parse_resources(config_file, file->text);
  wipe(file->text.data(), file->text.size());  // it may hold keys
  return resources;
}

Result<void> add_variables(const BootstrapSource& source,
                           Resources* resources,
                           std::vector<std::string>* warnings) {
  Variables variables;
  for (const std::string& name : source.variables) {
    if (!is_relay_variable(name)) continue;
    if (auto value = source.environment(name)) variables.emplace(name, *std::move(value));
  }
  auto applied = apply_environment(variables, resources, warnings);
  for (auto& [name, value] : variables) wipe(value.data(), value.size());
  return applied;
}

Result<void> check(const Resources& resources) {
  const auto findings = validate(resources);
  if (findings.empty()) return {};
  const Finding& first = findings.front();
  return config_error(resources.places.find(first.kind, first.name, first.path), first.message);
}

// The service chooses what this relay gets by what its join token said.
void lay_over(const Identity& identity, Resources* resources) {
  resources->attached = true;
  if (!identity.region.empty()) resources->relay.set_region(identity.region);
  for (const auto& [name, value] : identity.labels) {
    (*resources->relay.mutable_labels())[name] = value;
  }
}

Surroundings surroundings_of(const BootstrapSource& source, std::vector<std::string>* warnings) {
  Surroundings out;
  out.secret = [&source, warnings](const std::string& written) {
    return read_secret(written, source.environment, warnings);
  };
  out.file = [](const std::string& path) -> Result<std::string> {
    FileText file = CULVERT_TRY(read_file(path, limits::kConfigBytes));
    return std::move(file.text);
  };
  out.cores = usable_cores();
  out.state_dir = default_state_dir(source.environment);
  return out;
}

}  // namespace

BootstrapSource process_source(std::string config_file) {
  BootstrapSource source;
  source.config_file = std::move(config_file);
  source.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    source.variables.emplace_back(text.substr(0, text.find('=')));
  }
  return source;
}

Result<std::shared_ptr<const Snapshot>> load_snapshot(const BootstrapSource& source) {
  const auto identity = CULVERT_TRY(load_identity(source));
  const Resources resources = CULVERT_TRY(load_resources(source, identity ? &*identity : nullptr));
  std::vector<std::string> warnings;
  auto snapshot = compile_resources(resources, source, &warnings);
  for (const std::string& warning : warnings) log::warn(warning);
  return snapshot;
}

Result<Resources> load_resources(const BootstrapSource& source, const Identity* identity) {
  std::vector<std::string> warnings;
  Resources resources = CULVERT_TRY(read_resources(source.config_file));
  CULVERT_CHECK(add_variables(source, &resources, &warnings));
  if (!source.control.empty()) {
    auto* addresses = resources.relay.mutable_control()->mutable_addresses();
    addresses->Assign(source.control.begin(), source.control.end());
    resources.places.put("Relay", resources.relay_name, "control.addresses", "--control");
  }
  if (identity != nullptr) lay_over(*identity, &resources);
  CULVERT_CHECK(check(resources));
  for (const std::string& warning : warnings) log::warn(warning);
  return resources;
}

Result<std::shared_ptr<const Snapshot>> compile_resources(const Resources& resources,
                                                          const BootstrapSource& source,
                                                          std::vector<std::string>* warnings) {
  return compile(resources, surroundings_of(source, warnings), warnings);
}

Result<std::string> state_dir_of(const BootstrapSource& source) {
  std::vector<std::string> warnings;
  Resources resources = CULVERT_TRY(read_resources(source.config_file));
  CULVERT_CHECK(add_variables(source, &resources, &warnings));
  const std::string& written = resources.relay.state_dir();
  return written.empty() ? default_state_dir(source.environment) : written;
}

Result<std::optional<Identity>> load_identity(const BootstrapSource& source) {
  if (source.no_control) return std::optional<Identity>();
  const std::string state_dir = CULVERT_TRY(state_dir_of(source));
  auto identity = CULVERT_TRY(read_identity(state_dir));
  if (!identity && !source.control.empty()) {
    return config_error("--control",
                        "this relay has not joined the service; `culvert-relay join --control "
                        "HOST:PORT --token …` does it once");
  }
  return identity;
}

}  // namespace culvert
