// The server about health: gauges for /metrics, pools and targets for /debug, and the end of its
// own certificates.
#include "relay/base/log.h"
#include "relay/edge/server.h"
#include "relay/flow/status_health.h"

#include <set>
#include <utility>

namespace culvert {
namespace {

constexpr double kSecondsADay = 24 * 60 * 60;

double unix_seconds(WallTime time) { return seconds(time.time_since_epoch()); }

TargetGauge gauge_of(const std::string& upstream, const UpstreamHealth::TargetReport& target) {
  TargetGauge gauge{.upstream = upstream,
                    .target = target.url,
                    .breaker = std::string(to_string(target.state)),
                    .well = target.checks.well,
                    .ill = target.checks.ill,
                    .certificate_expires_at = target.checks.certificate_expires_at};
  const auto& found = target.checks.last;
  if (!found) return gauge;
  gauge.checked = true;
  gauge.up = found->well;
  gauge.checked_at = unix_seconds(found->at);
  gauge.resolve_seconds = seconds(found->legs.resolve);
  gauge.connect_seconds = seconds(found->legs.connect);
  gauge.tls_seconds = seconds(found->legs.tls);
  gauge.first_byte_seconds = seconds(found->first_byte);
  return gauge;
}

void write_pool(JsonWriter& json, const std::string& name, const KeyPoolState& pool) {
  json.begin_object().field("name", name).field("upstream", pool.upstream());
  json.key("keys").begin_array();
  for (size_t i = 0; i < pool.size(); ++i) {
    json.begin_object().field("key", pool.masked(i));
    json.field("state", to_string(pool.health(i))).end_object();
  }
  json.end_array().end_object();
}

void write_peer(JsonWriter& json, const PeerWay& way) {
  const PeerHealth::Report health = way.health->report();
  json.begin_object().field("relay", way.peer.name).field("region", way.peer.region);
  json.field("reachable", health.reachable);
  json.field("draining", health.draining || way.peer.draining);
  json.field("round_trip_ms", 1000 * seconds(health.round_trip));
  json.field("error", health.error).end_object();
}

}  // namespace

// A key that stands in several pools of an upstream has one state, and is told once; so is a target
// that an upstream has twice.
HealthGauges Server::health_gauges() const {
  HealthGauges gauges;
  std::set<std::pair<std::string, std::string>> told;
  for (const auto& [name, pool] : table_->pools()) {
    for (size_t i = 0; i < pool->size(); ++i) {
      if (!told.emplace(pool->upstream(), pool->masked(i)).second) continue;
      gauges.keys.push_back(
          {pool->upstream(), pool->masked(i), std::string(to_string(pool->health(i)))});
    }
  }
  told.clear();
  for (const UpstreamFacts& one : health_facts(*table_)) {
    for (const auto& target : one.targets) {
      if (!told.emplace(one.upstream->name, target.url).second) continue;
      gauges.targets.push_back(gauge_of(one.upstream->name, target));
    }
    for (const PoolFacts& pool : one.pools) {
      gauges.pools.push_back({pool.name, pool.upstream, pool.keys, pool.left});
    }
  }
  for (const PeerWay& way : table_->peers().ways()) {
    const PeerHealth::Report health = way.health->report();
    if (!table_->peers().goes_through(way) || !health.checked) continue;
    gauges.peers.push_back({way.peer.name, way.peer.region, health.reachable,
                            health.draining || way.peer.draining, seconds(health.round_trip)});
  }
  return gauges;
}

void Server::write_health(JsonWriter& json) const {
  json.key("pools").begin_array();
  for (const auto& [name, pool] : table_->pools()) write_pool(json, name, *pool);
  json.end_array();
  json.key("health").begin_array();
  for (const UpstreamFacts& one : health_facts(*table_)) {
    if (!one.upstream->named) continue;
    json.begin_object().field("upstream", one.upstream->name);
    culvert::write_health(json, one, true);
    json.end_object();
  }
  json.end_array();
  json.key("peers").begin_array();
  for (const PeerWay& way : table_->peers().ways()) write_peer(json, way);
  json.end_array();
}

void Server::look_at_expiry() {
  const auto tls = table_->server_tls();
  if (tls == nullptr) return;
  metrics_.set_certificate_expiry(tls->expires_at());
  const auto left = expiry_watch_.warns(tls->issued_at(), tls->expires_at(), clock_.wall());
  if (!left) return;
  const auto tell = *left < static_cast<int64_t>(kSecondsADay) ? log::error : log::warn;
  tell(*left == 0 ? "the listeners' certificate has ended" : "the listeners' certificate ends soon",
       {{"days", static_cast<double>(*left) / kSecondsADay},
        {"until", rfc3339(WallTime(std::chrono::seconds(tls->expires_at())))}});
}

}  // namespace culvert
