// Any bytes as a configuration file: parse, validate, compile, print. Nothing may crash or hang;
// what was printed is YAML again, and what is sound compiles without touching the machine.
#include "proto/validate.h"
#include "proto/yaml.h"
#include "proto/yaml_tree.h"
#include "relay/config/compile.h"

#include <cstdint>
#include <cstdlib>

namespace {

culvert::Surroundings pretended() {
  culvert::Surroundings out;
  out.secret = [](const std::string& written) -> culvert::Result<culvert::Secret> {
    return culvert::Secret(written);
  };
  out.file = [](const std::string&) -> culvert::Result<std::string> {
    return std::string("-----BEGIN CERTIFICATE----- -----BEGIN PRIVATE KEY-----");
  };
  return out;
}

void require(bool truth) {
  if (!truth) std::abort();
}

void require_one_line(const std::string& detail) {
  require(!detail.empty() && detail.find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto resources = culvert::parse_resources("f", text);
  if (!resources) {
    require_one_line(resources.error().detail);
    return 0;
  }
  require(culvert::parse_yaml_tree("g", culvert::to_yaml(*resources)).has_value());
  const auto findings = culvert::validate(*resources);
  for (const auto& finding : findings) {
    require_one_line(finding.message);
    require_one_line(resources->places.find(finding.kind, finding.name, finding.path));
  }
  if (!findings.empty()) return 0;
  std::vector<std::string> warnings;
  const auto snapshot = culvert::compile(*resources, pretended(), &warnings);
  if (!snapshot) {
    require_one_line(snapshot.error().detail);
    return 0;
  }
  for (const auto& [name, upstream] : (*snapshot)->upstreams) require(!upstream.targets.empty());
  for (const auto& pool : (*snapshot)->pools) {
    require((*snapshot)->upstream(pool.upstream) != nullptr);
  }
  for (const auto& route : (*snapshot)->routes) require(!route.to.empty());
  return 0;
}
