// Routes and tokens: which requests go where, and who asks.
#include "relay/base/text.h"
#include "relay/config/compile_parts.h"

#include <algorithm>

namespace culvert {
namespace {

template <class Fields>
std::vector<std::pair<std::string, std::string>> sorted_headers(const Fields& written) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : written) out.emplace_back(lower(name), value);
  std::sort(out.begin(), out.end());
  return out;
}

Priority to_priority(v1::Route::Priority priority) {
  switch (priority) {
    case v1::Route::PRIORITY_HIGH:
      return Priority::kHigh;
    case v1::Route::PRIORITY_LOW:
      return Priority::kLow;
    default:
      return Priority::kNormal;
  }
}

// Without the destinations whose upstream is not here, and without those whose key pool is not:
// other keys than the one that is named shall not pay.
template <class List>
std::vector<Destination> destinations_here(const List& written, const Snapshot& snapshot) {
  std::vector<Destination> out;
  for (const v1::Route::Destination& to : written) {
    if (snapshot.upstream(to.upstream()) == nullptr) continue;
    const bool paid = to.key_pool().empty() ||
                      std::any_of(snapshot.pools.begin(), snapshot.pools.end(),
                                  [&](const KeyPool& pool) { return pool.name == to.key_pool(); });
    if (!paid) continue;
    const uint32_t weight = to.has_weight() ? to.weight() : 1;
    out.push_back({to.upstream(), weight, to.key_pool(), to.model()});
  }
  return out;
}

}  // namespace

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
  out.to = destinations_here(written.to(), snapshot);
  out.fallback = destinations_here(written.fallback(), snapshot);
  const bool reachable = std::any_of(out.to.begin(), out.to.end(),
                                     [](const Destination& to) { return to.weight > 0; });
  if (!reachable) {
    return in.error("Route", name, "to",
                    "the route is for this relay, but none of its upstreams is, or not with the "
                    "key_pool that it names; needed is one with a weight above 0, or `relays` that "
                    "leave this relay out");
  }
  out.sticky_tenant = written.sticky().tenant();
  out.sticky_header = lower(written.sticky().header());
  out.retry = compile_retry(written.retry());
  out.resume = compile_resume(written.resume());
  out.replay = written.replay();
  out.priority = to_priority(written.priority());
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

Result<std::vector<Peer>> compile_peers(const Compiling& in) {
  std::vector<Peer> out;
  for (const auto& [name, written] : in.resources.peers) {
    Peer peer{name, written.region(), {}, 0, written.draining()};
    if (!written.address().empty()) {
      const auto at = parse_connect_authority(written.address());
      if (!at) return in.error("Peer", name, "address", at.error().detail);
      peer.host = at->host;
      peer.port = at->port;
    }
    out.push_back(std::move(peer));
  }
  return out;
}

}  // namespace culvert
