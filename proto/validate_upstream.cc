// Upstreams.
#include "proto/presets.h"
#include "proto/proxy_url.h"
#include "proto/scalars.h"
#include "proto/suggest.h"
#include "proto/validate_parts.h"
#include "relay/base/address.h"
#include "relay/base/denied_headers.h"
#include "relay/base/limits.h"
#include "relay/base/text.h"

#include <algorithm>
#include <set>

namespace culvert {
namespace {

void inspect_targets(const std::string& name, const v1::Upstream& upstream, Inspection* out) {
  bool any = upstream.targets_size() == 0 && find_preset(name) != nullptr;
  for (int i = 0; i < upstream.targets_size(); ++i) {
    const v1::Target& target = upstream.targets(i);
    out->check(indexed("targets", i) + ".url", url_flaw(target.url()));
    any = any || !target.has_weight() || target.weight() > 0;
    for (int r = 0; r < target.regions_size(); ++r) {
      out->check(indexed(indexed("targets", i) + ".regions", r), name_flaw(target.regions(r)));
    }
  }
  if (!any) {
    out->say("targets", upstream.targets_size() == 0
                            ? "an upstream without targets; needed is at least one URL"
                            : "every weight is 0; at least one has to be above 0");
  }
}

void inspect_strategies(const v1::Upstream& upstream, Inspection* out) {
  static const std::vector<std::string_view> kKnown = {"socket", "fetch", "via:REGION"};
  std::set<std::string_view> seen;
  if (upstream.strategies_size() > limits::kStrategiesMost) {
    out->say("strategies", std::to_string(upstream.strategies_size()) +
                               " strategies; allowed are " +
                               std::to_string(limits::kStrategiesMost) + " at most");
  }
  for (int i = 0; i < upstream.strategies_size(); ++i) {
    const std::string& strategy = upstream.strategies(i);
    const std::string path = indexed("strategies", i);
    const auto region = via_region(strategy);
    if (region) {
      out->check(path, name_flaw(*region));
    } else if (strategy != "socket" && strategy != "fetch") {
      out->say(path, "the strategy " + in_quotes(strategy) + " is not known to this version; " +
                         what_is_allowed(strategy, kKnown));
    }
    if (!seen.insert(strategy).second) {
      out->say(path, "the strategy " + in_quotes(strategy) + " comes twice; name it once");
    } else if ((strategy == "socket" || region) && upstream.has_egress_proxy()) {
      // It would leave by the address that the proxy is there to hide.
      out->say(path, "the strategy " + in_quotes(strategy) +
                         " does not use egress_proxy and leaves by a relay's own address; allowed "
                         "with a proxy is fetch alone");
    }
  }
}

void inspect_egress_proxy(const v1::Upstream& upstream, Inspection* out) {
  const std::string& proxy = upstream.egress_proxy().value();
  if (!upstream.has_egress_proxy() || is_reference(proxy)) return;
  out->check("egress_proxy", proxy_flaw(proxy));
}

void inspect_key(const v1::Upstream& upstream, Inspection* out) {
  const v1::KeyCarriage& key = upstream.key();
  if (!upstream.has_key()) return;
  if (const auto flaw = header_name_flaw(key.header())) {
    out->say("key.header", *flaw);
  } else if (is_denied_header(key.header()) || needs_naming(key.header()) ||
             is_written_by_relay(key.header())) {
    out->say("key.header", in_quotes(key.header()) +
                               " cannot carry a key; allowed are headers such as Authorization or "
                               "x-api-key");
  }
  if (!key.scheme().empty() && header_name_flaw(key.scheme())) {
    out->say("key.scheme", in_quotes(key.scheme()) +
                               " is no scheme; allowed are words such as Bearer, or nothing");
  }
}

}  // namespace

// A fixed value would replace what the pool or the caller puts there.
void inspect_set_of_key(const std::string& alias,
                        const v1::Upstream& upstream,
                        const v1::HeaderRules& rules,
                        Inspection* out) {
  const v1::Dialect dialect = dialect_of(alias, upstream);
  const std::string header =
      upstream.has_key() ? upstream.key().header() : default_key_carriage(dialect).header();
  for (const auto& [set, value] : rules.set()) {
    // Anthropic's OAuth tokens go up as Bearer.
    const bool second_place =
        dialect == v1::DIALECT_ANTHROPIC && equal_ignoring_case(set, "authorization");
    if (!second_place && !equal_ignoring_case(set, header)) continue;
    out->say("headers.set[" + set + "]",
             in_quotes(set) + " carries the key of " + in_quotes(alias) + "; use a KeyPool");
  }
}

v1::Dialect dialect_of(const std::string& alias, const v1::Upstream& upstream) {
  const Preset* preset = find_preset(alias);
  if (upstream.has_dialect()) return upstream.dialect();
  return preset != nullptr ? preset->dialect : v1::DIALECT_OPAQUE;
}

void inspect_upstream(const std::string& name, const v1::Upstream& upstream, Inspection* out) {
  out->check("", alias_flaw(name));
  inspect_targets(name, upstream, out);
  inspect_strategies(upstream, out);
  inspect_egress_proxy(upstream, out);
  inspect_key(upstream, out);
  if (!upstream.tls().server_name().empty()) {
    const auto host = HostPattern::parse(upstream.tls().server_name());
    if (!host || host->text.front() == '*') {
      out->say("tls.server_name", in_quotes(upstream.tls().server_name()) +
                                      " is no host name; allowed are names such as "
                                      "api.example.com");
    }
  }
  inspect_timeouts("timeouts", upstream.timeouts(), out);
  inspect_retry(upstream.retry(), false, out);
  inspect_breaker(upstream.circuit_breaker(), out);
  inspect_health_check(upstream.health_check(), out);
  inspect_concurrency(upstream.concurrency(), out);
  inspect_resume("resume", upstream.resume(), false, out);
  inspect_headers("headers", upstream.headers(), out);
  inspect_set_of_key(name, upstream, upstream.headers(), out);
  inspect_selector(upstream.relays(), out);
  out->check("user_agent", header_value_flaw(upstream.user_agent()));
  if (upstream.client_user_agent() && !upstream.user_agent().empty()) {
    out->say("user_agent", "both user_agent and client_user_agent; allowed is one of them");
  }
}

}  // namespace culvert
