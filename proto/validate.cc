// Walks the resources; each kind is looked at in a file of its own. What several kinds share
// stands here.
#include "proto/validate.h"

#include "proto/presets.h"
#include "proto/scalars.h"
#include "proto/suggest.h"
#include "proto/validate_parts.h"
#include "relay/base/limits.h"

#include <map>

namespace culvert {
namespace {

void inspect_names(const Resources& resources, std::vector<Finding>* findings) {
  for (const auto& [name, pool] : resources.key_pools) {
    Inspection("KeyPool", name, findings).check("", name_flaw(name));
  }
  for (const auto& [name, route] : resources.routes) {
    Inspection("Route", name, findings).check("", name_flaw(name));
  }
  for (const auto& [name, tunnel] : resources.tunnels) {
    Inspection("Tunnel", name, findings).check("", name_flaw(name));
  }
}

// Which of several pays is told by a name, so that a new pool never begins to pay unnoticed.
void inspect_own_pools(const Resources& resources, std::vector<Finding>* findings) {
  std::map<std::string_view, std::string_view> first_of;
  for (const auto& [name, pool] : resources.key_pools) {
    const auto [first, fresh] = first_of.emplace(pool.upstream(), name);
    if (fresh || pool.upstream().empty() || own_pool(resources, pool.upstream())) continue;
    Inspection("KeyPool", name, findings)
        .say("upstream", "upstream " + in_quotes(pool.upstream()) + " has the pool " +
                             in_quotes(first->second) +
                             " already; of several, one has to have the upstream's name, because "
                             "it is the one that pays where a route names none");
  }
}

}  // namespace

std::vector<Finding> validate(const Resources& resources) {
  std::vector<Finding> findings;
  inspect_names(resources, &findings);
  inspect_own_pools(resources, &findings);
  Inspection relay("Relay", resources.relay_name, &findings);
  inspect_relay(resources, &relay);
  for (const auto& [name, upstream] : resources.upstreams) {
    Inspection inspection("Upstream", name, &findings);
    inspect_upstream(name, upstream, &inspection);
  }
  for (const auto& [name, pool] : resources.key_pools) {
    Inspection inspection("KeyPool", name, &findings);
    inspect_key_pool(resources, pool, &inspection);
  }
  for (const auto& [name, route] : resources.routes) {
    Inspection inspection("Route", name, &findings);
    inspect_route(resources, route, &inspection);
  }
  for (const auto& [name, tunnel] : resources.tunnels) {
    Inspection inspection("Tunnel", name, &findings);
    inspect_tunnel(resources, name, tunnel, &inspection);
  }
  for (const auto& [id, token] : resources.tokens) {
    Inspection inspection("Token", id, &findings);
    inspection.check("", name_flaw(id));
    inspect_token(token, &inspection);
  }
  return findings;
}

bool effective_preset_auth(const Resources& resources) {
  return resources.relay.has_preset_auth() ? resources.relay.preset_auth()
                                           : !resources.key_pools.empty();
}

void inspect_reference(const Resources& resources,
                       const std::string& path,
                       const std::string& upstream,
                       Inspection* out) {
  if (upstream.empty()) {
    out->say(path, "no upstream is named; allowed are the names of Upstreams and presets");
    return;
  }
  if (upstream_exists(resources, upstream)) return;
  std::vector<std::string_view> names;
  for (const Preset& preset : presets()) names.push_back(preset.alias);
  for (const auto& [name, spec] : resources.upstreams) names.push_back(name);
  const auto near = nearest(upstream, names);
  out->say(path, "there is no upstream " + in_quotes(upstream) + "; " +
                     (near.empty() ? "allowed are the names of Upstreams and presets"
                                   : "did you mean \"" + std::string(near) + "\"?"));
}

void inspect_timer(const std::string& path,
                   const google::protobuf::Duration& timer,
                   bool zero,
                   Inspection* out) {
  const Duration duration = from_proto(timer);
  if (duration.count() < 0 || (duration.count() == 0 && !zero)) {
    out->say(path, "a time of " + print_duration(duration) + "; allowed is " +
                       (zero ? "0s or more" : "more than 0s"));
  } else if (duration > limits::kTimerMost) {
    out->say(path, "a time of " + print_duration(duration) + "; allowed is up to " +
                       print_duration(limits::kTimerMost));
  }
}

void inspect_timeouts(const std::string& path, const v1::Timeouts& timeouts, Inspection* out) {
  const auto look = [&](bool given, const char* name, const auto& timer, bool zero) {
    if (given) inspect_timer(path + "." + name, timer, zero, out);
  };
  look(timeouts.has_resolve(), "resolve", timeouts.resolve(), false);
  look(timeouts.has_connect(), "connect", timeouts.connect(), false);
  look(timeouts.has_tls(), "tls", timeouts.tls(), false);
  look(timeouts.has_first_byte(), "first_byte", timeouts.first_byte(), false);
  look(timeouts.has_idle(), "idle", timeouts.idle(), false);
  look(timeouts.has_total(), "total", timeouts.total(), true);
  look(timeouts.has_heartbeat(), "heartbeat", timeouts.heartbeat(), true);
}

bool upstream_exists(const Resources& resources, const std::string& alias) {
  return resources.upstreams.count(alias) != 0 || find_preset(alias) != nullptr;
}

std::string indexed(std::string_view path, int index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

}  // namespace culvert
