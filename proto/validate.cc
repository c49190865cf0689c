// Walks the resources; KeyPool and Route are looked at here, the larger kinds in files of their
// own.
#include "proto/validate.h"

#include "proto/presets.h"
#include "proto/scalars.h"
#include "proto/suggest.h"
#include "proto/validate_parts.h"
#include "relay/base/address.h"
#include "relay/base/denied_headers.h"
#include "relay/base/limits.h"
#include "relay/base/text.h"

#include <algorithm>
#include <map>
#include <set>

namespace culvert {
namespace {

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

void inspect_match(const v1::Route::Match& match, Inspection* out) {
  if (!match.path_prefix().empty()) {
    out->check("match.path_prefix", path_prefix_flaw(match.path_prefix()));
  }
  for (int i = 0; i < match.hosts_size(); ++i) {
    const auto pattern = HostPattern::parse(match.hosts(i));
    if (!pattern) out->say(indexed("match.hosts", i), pattern.error().detail);
  }
  for (int i = 0; i < match.models_size(); ++i) {
    if (match.models(i).empty()) {
      out->say(indexed("match.models", i),
               "an empty model; allowed are names, with * for any text");
    }
  }
  for (const auto& [name, value] : match.headers()) {
    const std::string path = "match.headers[" + name + "]";
    out->check(path, header_name_flaw(name));
    out->check(path, header_value_flaw(value));
  }
}

void inspect_destinations(const Resources& resources, const v1::Route& route, Inspection* out) {
  bool any = false;
  for (int i = 0; i < route.to_size(); ++i) {
    const auto& destination = route.to(i);
    inspect_reference(resources, indexed("to", i) + ".upstream", destination.upstream(), out);
    any = any || !destination.has_weight() || destination.weight() > 0;
  }
  if (!any) {
    out->say("to", route.to_size() == 0 ? "a route to nowhere; needed is at least one upstream"
                                        : "every weight is 0; at least one has to be above 0");
  }
}

void inspect_names(const Resources& resources, std::vector<Finding>* findings) {
  for (const auto& [name, pool] : resources.key_pools) {
    Inspection("KeyPool", name, findings).check("", name_flaw(name));
  }
  for (const auto& [name, route] : resources.routes) {
    Inspection("Route", name, findings).check("", name_flaw(name));
  }
  std::map<std::string_view, std::string_view> pools;
  for (const auto& [name, pool] : resources.key_pools) {
    const auto [first, fresh] = pools.emplace(pool.upstream(), name);
    if (fresh || pool.upstream().empty()) continue;
    Inspection("KeyPool", name, findings)
        .say("upstream", "upstream " + in_quotes(pool.upstream()) + " has the pool " +
                             in_quotes(first->second) + " already; allowed is one pool");
  }
}

}  // namespace

std::vector<Finding> validate(const Resources& resources) {
  std::vector<Finding> findings;
  inspect_names(resources, &findings);
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

void inspect_key_pool(const Resources& resources, const v1::KeyPool& pool, Inspection* out) {
  inspect_reference(resources, "upstream", pool.upstream(), out);
  if (pool.keys_size() == 0) out->say("keys", "a pool without keys; needed is at least one");
  if (static_cast<size_t>(pool.keys_size()) > limits::kKeysPerPool) {
    out->say("keys", "too many keys; allowed are up to " + std::to_string(limits::kKeysPerPool));
  }
  std::map<std::string_view, int> seen;
  for (int i = 0; i < pool.keys_size(); ++i) {
    const std::string& key = pool.keys(i).value();
    out->check(indexed("keys", i), is_reference(key) ? Flaw() : key_flaw(key));
    const auto [first, fresh] = seen.emplace(key, i);
    if (!fresh) {
      out->say(indexed("keys", i),
               "the same key as keys[" + std::to_string(first->second) + "]; give it once");
    }
  }
  for (int i = 0; i < pool.disabled_size(); ++i) {
    out->check(indexed("disabled", i), key_id_flaw(pool.disabled(i)));
  }
  inspect_selector(pool.relays(), out);
  if (pool.has_rest()) inspect_timer("rest", pool.rest(), false, out);
  if (pool.has_isolation()) inspect_timer("isolation", pool.isolation(), false, out);
}

void inspect_route(const Resources& resources, const v1::Route& route, Inspection* out) {
  inspect_match(route.match(), out);
  inspect_destinations(resources, route, out);
  inspect_headers("headers", route.headers(), out);
  for (const v1::Route::Destination& destination : route.to()) {
    const auto named = resources.upstreams.find(destination.upstream());
    inspect_set_of_key(destination.upstream(),
                       named == resources.upstreams.end() ? v1::Upstream() : named->second,
                       route.headers(), out);
  }
  inspect_timeouts("timeouts", route.timeouts(), out);
  inspect_selector(route.relays(), out);
  if (route.has_rewrite_prefix() && !route.rewrite_prefix().empty()) {
    out->check("rewrite_prefix", path_prefix_flaw(route.rewrite_prefix()));
  }
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
}

bool upstream_exists(const Resources& resources, const std::string& alias) {
  return resources.upstreams.count(alias) != 0 || find_preset(alias) != nullptr;
}

std::string indexed(std::string_view path, int index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

}  // namespace culvert
