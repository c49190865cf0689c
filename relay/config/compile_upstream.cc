// Upstreams, key pools and routes: what a request meets on its way.
#include "proto/defaults.h"
#include "proto/presets.h"
#include "proto/scalars.h"
#include "proto/words.h"
#include "relay/base/limits.h"
#include "relay/base/text.h"
#include "relay/config/compile_parts.h"
#include "relay/crypto/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace culvert {
namespace {

Dialect to_dialect(v1::Dialect dialect) {
  switch (dialect) {
    case v1::DIALECT_OPENAI:
      return Dialect::kOpenAi;
    case v1::DIALECT_ANTHROPIC:
      return Dialect::kAnthropic;
    case v1::DIALECT_GEMINI:
      return Dialect::kGemini;
    default:
      return Dialect::kOpaque;
  }
}

KeyPolicy to_policy(v1::KeyPool::Policy policy) {
  switch (policy) {
    case v1::KeyPool::POLICY_RANDOM:
      return KeyPolicy::kRandom;
    case v1::KeyPool::POLICY_LEAST_USED:
      return KeyPolicy::kLeastUsed;
    case v1::KeyPool::POLICY_STICKY:
      return KeyPolicy::kSticky;
    default:
      return KeyPolicy::kRoundRobin;
  }
}

bool serves(const v1::Target& target, const std::string& region) {
  return target.regions_size() == 0 || std::find(target.regions().begin(), target.regions().end(),
                                                 region) != target.regions().end();
}

Result<std::vector<Target>> compile_targets(const Compiling& in,
                                            const std::string& name,
                                            const v1::Upstream& written) {
  const std::string& region = in.resources.relay.region();
  std::vector<Target> out;
  bool any = false;
  for (int i = 0; i < written.targets_size(); ++i) {
    const v1::Target& target = written.targets(i);
    if (!serves(target, region)) continue;
    const auto url = parse_url(target.url());
    if (!url) {
      return in.error("Upstream", name, "targets[" + std::to_string(i) + "].url",
                      url.error().detail);
    }
    out.push_back({*url, target.has_weight() ? target.weight() : 1});
    any = any || out.back().weight > 0;
  }
  if (any) return out;
  return in.error("Upstream", name, "targets",
                  "no target with a weight above 0 for the region " + in_quotes(region) +
                      "; needed is one, or one without regions");
}

template <class Fields>
std::vector<std::pair<std::string, std::string>> sorted_headers(const Fields& written) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : written) out.emplace_back(lower(name), value);
  std::sort(out.begin(), out.end());
  return out;
}

// What operators call a key that they must not show: see KeyPool.disabled.
std::string id_of(const Secret& key) {
  const Digest digest = sha256(key.reveal());
  std::string id;
  for (size_t i = 0; i < 6; ++i) fmt::format_to(std::back_inserter(id), "{:02x}", digest[i]);
  return id;
}

void leave_out_disabled(const v1::KeyPool& written, std::vector<Secret>* keys) {
  if (written.disabled_size() == 0) return;
  const std::set<std::string> disabled(written.disabled().begin(), written.disabled().end());
  std::erase_if(*keys, [&](const Secret& key) { return disabled.count(id_of(key)) != 0; });
}

std::vector<Destination> destinations_here(const v1::Route& written, const Snapshot& snapshot) {
  std::vector<Destination> out;
  for (const auto& to : written.to()) {
    if (snapshot.upstream(to.upstream()) == nullptr) continue;
    out.push_back({to.upstream(), to.has_weight() ? to.weight() : 1});
  }
  return out;
}

}  // namespace

Result<Upstream> compile_upstream(const Compiling& in,
                                  const std::string& name,
                                  const v1::Upstream& written,
                                  const Timeouts& defaults) {
  Upstream out;
  out.name = name;
  out.dialect = to_dialect(written.dialect());
  out.targets = CULVERT_TRY(compile_targets(in, name, written));
  const auto key = written.has_key() ? written.key() : default_key_carriage(written.dialect());
  out.key_header = key.header();
  out.key_scheme = key.scheme();
  if (!written.tls().ca_file().empty()) {
    auto pem = read_certificates(in.surroundings, written.tls().ca_file());
    if (!pem) return in.error("Upstream", name, "tls.ca_file", pem.error().detail);
    out.ca_pem = *std::move(pem);
    out.ca_place = in.place("Upstream", name, "tls.ca_file");
  }
  out.server_name = lower(written.tls().server_name());
  out.tls13_only = written.tls().min_version() == v1::Tls::MIN_VERSION_TLS13;
  out.timeouts = merged(defaults, compile_timeouts(written.timeouts()));
  out.headers = compile_headers(written.headers());
  if (!written.client_user_agent()) {
    out.user_agent = written.user_agent().empty() ? kDefaultUserAgent : written.user_agent();
  }
  out.isolate_tenants = written.isolation() == v1::Upstream::ISOLATION_TENANT;
  return out;
}

Result<KeyPool> compile_key_pool(const Compiling& in,
                                 const std::string& name,
                                 const v1::KeyPool& written) {
  KeyPool out;
  out.name = name;
  out.upstream = written.upstream();
  out.policy = to_policy(written.policy());
  out.rest = written.has_rest() ? from_proto(written.rest()) : limits::kKeyRest;
  out.isolation =
      written.has_isolation() ? from_proto(written.isolation()) : Duration(limits::kKeyIsolation);
  out.keys.reserve(static_cast<size_t>(written.keys_size()));
  std::map<std::string_view, int> seen;  // into the keys' own memory, which stays where it is
  for (int i = 0; i < written.keys_size(); ++i) {
    const std::string path = "keys[" + std::to_string(i) + "]";
    auto key = in.surroundings.secret(written.keys(i).value());
    if (!key) return in.error("KeyPool", name, path, key.error().detail);
    if (const auto flaw = key_flaw(key->reveal())) return in.error("KeyPool", name, path, *flaw);
    out.keys.push_back(*std::move(key));
    const auto [first, fresh] = seen.emplace(out.keys.back().reveal(), i);
    if (fresh) continue;
    return in.error("KeyPool", name, path,
                    "the same key as keys[" + std::to_string(first->second) + "]; give it once");
  }
  leave_out_disabled(written, &out.keys);
  if (in.resources.withheld_pools.count(name) != 0) out.keys.clear();
  return out;
}

Result<Route> compile_route(const Compiling& in,
                            const std::string& name,
                            const v1::Route& written,
                            const Snapshot& snapshot) {
  Route out;
  out.name = name;
  out.path_prefix = written.match().path_prefix();
  for (const std::string& host : written.match().hosts()) {
    if (auto pattern = HostPattern::parse(host)) out.hosts.push_back(*std::move(pattern));
  }
  out.models.assign(written.match().models().begin(), written.match().models().end());
  out.headers = sorted_headers(written.match().headers());
  out.to = destinations_here(written, snapshot);
  const bool reachable = std::any_of(out.to.begin(), out.to.end(),
                                     [](const Destination& to) { return to.weight > 0; });
  if (!reachable) {
    return in.error("Route", name, "to",
                    "the route is for this relay, but none of its upstreams is; needed is one with "
                    "a weight above 0, or `relays` that leave this relay out");
  }
  out.header_rules = compile_headers(written.headers());
  out.timeouts = compile_timeouts(written.timeouts());
  if (written.has_rewrite_prefix()) out.rewrite_prefix = written.rewrite_prefix();
  out.auth = written.has_auth() ? written.auth() : snapshot.settings.preset_auth;
  return out;
}

std::vector<IssuedToken> compile_tokens(const Resources& resources) {
  std::vector<IssuedToken> out;
  out.reserve(resources.tokens.size());
  for (const auto& [id, written] : resources.tokens) {
    IssuedToken token{id, written.tenant(), {}, std::nullopt};
    std::copy_n(written.sha256().begin(), std::min(written.sha256().size(), token.sha256.size()),
                token.sha256.begin());
    if (written.has_expires()) {
      token.expires = WallTime(std::chrono::duration_cast<WallTime::duration>(
          std::chrono::seconds(written.expires().seconds()) +
          std::chrono::nanoseconds(written.expires().nanos())));
    }
    out.push_back(std::move(token));
  }
  return out;
}

}  // namespace culvert
