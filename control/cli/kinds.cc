// Words first, summaries below.
#include "control/cli/kinds.h"

#include "proto/scalars.h"
#include "proto/suggest.h"
#include "proto/yaml.h"
#include "proto/yaml_spec.h"
#include "relay/base/text.h"

#include <fmt/format.h>

namespace culvert::cli {
namespace {

struct Word {
  std::string_view word;
  std::string_view kind;
};

constexpr Word kWords[] = {
    {"upstream", "Upstream"}, {"up", "Upstream"},      {"keypool", "KeyPool"},
    {"key-pool", "KeyPool"},  {"key_pool", "KeyPool"}, {"pool", "KeyPool"},
    {"kp", "KeyPool"},        {"route", "Route"},      {"rt", "Route"},
    {"tunnel", "Tunnel"},     {"tn", "Tunnel"},
};

std::string summary(const v1::Upstream& upstream) {
  std::string out =
      upstream.has_dialect()
          ? enumerator_word(*v1::Dialect_descriptor()->FindValueByNumber(upstream.dialect()))
          : std::string("preset");
  if (upstream.targets().empty()) return out;
  out += ", " + upstream.targets(0).url();
  if (upstream.targets_size() > 1) out += fmt::format(" and {} more", upstream.targets_size() - 1);
  return out;
}

std::string summary(const v1::KeyPool& pool) {
  std::string out = fmt::format("{} {} of {}", pool.keys_size(),
                                pool.keys_size() == 1 ? "key" : "keys", pool.upstream());
  if (pool.disabled_size() > 0) out += fmt::format(", {} disabled", pool.disabled_size());
  return out;
}

std::string summary(const v1::Route& route) {
  std::string match = route.match().path_prefix();
  const auto add = [&match](std::string_view what, const std::string& first, int count) {
    if (count == 0) return;
    if (!match.empty()) match += ' ';
    match += fmt::format("{} {}", what, first);
    if (count > 1) match += fmt::format(" and {} more", count - 1);
  };
  if (route.match().hosts_size() > 0)
    add("host", route.match().hosts(0), route.match().hosts_size());
  if (route.match().models_size() > 0) {
    add("model", route.match().models(0), route.match().models_size());
  }
  if (!route.match().headers().empty()) {
    add("header", route.match().headers().begin()->first,
        static_cast<int>(route.match().headers().size()));
  }
  std::string to;
  for (const auto& destination : route.to()) {
    to += (to.empty() ? "" : ", ") + destination.upstream();
    if (destination.has_weight()) to += fmt::format(" x{}", destination.weight());
  }
  return (match.empty() ? "everything" : match) + " → " + (to.empty() ? "nothing" : to);
}

std::string summary(const v1::Tunnel& tunnel) {
  std::string from = tunnel.listen();
  if (tunnel.names_size() > 0) from += (from.empty() ? "" : " ") + tunnel.names(0);
  if (tunnel.names_size() > 1) from += fmt::format(" and {} more", tunnel.names_size() - 1);
  return from + " → " + tunnel.to();
}

}  // namespace

Result<std::string> kind_of(std::string_view word) {
  std::string low = lower(word);
  for (const bool plural : {false, true}) {
    if (plural && !low.empty() && low.back() == 's') low.pop_back();
    for (const Word& each : kWords) {
      if (each.word == low) return std::string(each.kind);
    }
  }
  if (lower(word) == "relay" || lower(word) == "relays") {
    return Error::client(Code::kBadRequest, Stage::kNone,
                         "relays are no resources of the service: see culvert relay --help");
  }
  return Error::client(
      Code::kBadRequest, Stage::kNone,
      "unknown kind " + in_quotes(word) + "; allowed are " + std::string(kKindWords));
}

Result<std::string> kind_or_all(std::string_view word) {
  if (equal_ignoring_case(word, "all")) return std::string();
  return kind_of(word);
}

const std::vector<std::string_view>& kinds() {
  static const std::vector<std::string_view> all = {"Upstream", "KeyPool", "Route", "Tunnel"};
  return all;
}

std::string kind_of(const v1::Resource& resource) {
  switch (resource.spec_case()) {
    case v1::Resource::kUpstream:
      return "Upstream";
    case v1::Resource::kKeyPool:
      return "KeyPool";
    case v1::Resource::kRoute:
      return "Route";
    case v1::Resource::kTunnel:
      return "Tunnel";
    case v1::Resource::SPEC_NOT_SET:
      break;
  }
  return "?";  // of a newer service
}

std::string summary_of(const v1::Resource& resource) {
  if (resource.has_upstream()) return summary(resource.upstream());
  if (resource.has_key_pool()) return summary(resource.key_pool());
  if (resource.has_route()) return summary(resource.route());
  if (resource.has_tunnel()) return summary(resource.tunnel());
  return "a kind that this program is too old for";
}

std::string document_of(const v1::Resource& resource) {
  if (resource.has_upstream()) return to_yaml("Upstream", resource.name(), resource.upstream());
  if (resource.has_key_pool()) return to_yaml("KeyPool", resource.name(), resource.key_pool());
  if (resource.has_route()) return to_yaml("Route", resource.name(), resource.route());
  if (resource.has_tunnel()) return to_yaml("Tunnel", resource.name(), resource.tunnel());
  return {};
}

}  // namespace culvert::cli
