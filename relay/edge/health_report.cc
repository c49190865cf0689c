// What is beyond a bound is left out rather than the report lost.
#include "relay/edge/health_report.h"

#include "relay/base/limits.h"
#include "relay/flow/health_facts.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr size_t kTextBytes = 256;  // as much as the service takes

v1::TargetCondition condition_of(const std::string& upstream,
                                 const UpstreamHealth::TargetReport& target) {
  v1::TargetCondition out;
  out.set_upstream(upstream);
  out.set_target(target.url.substr(0, kTextBytes));
  out.set_breaker(std::string(to_string(target.state)));
  out.set_strategy(target.strategy.text());
  if (const auto& found = target.checks.last) {
    out.set_checked(true);
    out.set_up(found->well);
    if (!found->well) out.set_stage(std::string(to_string(found->stage)));
    out.set_error(found->error);
    to_proto(found->at, out.mutable_last_check());
  }
  if (const int64_t until = target.checks.certificate_expires_at; until != 0) {
    out.mutable_certificate_until()->set_seconds(until);
  }
  return out;
}

bool fails(const UpstreamHealth::TargetReport& target) { return word_of(target) == "failing"; }

// Those that fail, or the others, as long as there is room.
void add_targets(const std::vector<UpstreamFacts>& facts, bool failing, v1::MetricsReport* report) {
  for (const UpstreamFacts& one : facts) {
    for (const auto& target : one.targets) {
      if (static_cast<size_t>(report->targets_size()) >= kReportTargets) return;
      if (fails(target) != failing) continue;
      *report->add_targets() = condition_of(one.upstream->name, target);
    }
  }
}

void add_pools(const std::vector<UpstreamFacts>& facts, bool shrunk, v1::MetricsReport* report) {
  for (const UpstreamFacts& one : facts) {
    for (const PoolFacts& pool : one.pools) {
      if (static_cast<size_t>(report->pools_size()) >= kReportPools) return;
      if ((pool.left < pool.keys) != shrunk) continue;
      v1::PoolCondition* out = report->add_pools();
      out->set_pool(pool.name);
      out->set_upstream(pool.upstream);
      out->set_keys(static_cast<uint32_t>(pool.keys));
      out->set_left(static_cast<uint32_t>(pool.left));
    }
  }
}

}  // namespace

void to_proto(WallTime time, google::protobuf::Timestamp* out) {
  const auto since = time.time_since_epoch();
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(since);
  out->set_seconds(whole.count());
  out->set_nanos(static_cast<int32_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since - whole).count()));
}

void fill_health(const Table& table, v1::MetricsReport* report) {
  const std::vector<UpstreamFacts> facts = health_facts(table);
  for (const bool bad_ones : {true, false}) {
    add_targets(facts, bad_ones, report);
    add_pools(facts, bad_ones, report);
  }
  for (const PeerWay& way : table.peers().ways()) {
    const PeerHealth::Report health = way.health->report();
    if (!table.peers().goes_through(way) || !health.checked) continue;
    if (static_cast<size_t>(report->peers_size()) >= limits::kPeersChecked) break;
    v1::PeerCondition* peer = report->add_peers();
    peer->set_relay(way.peer.name);
    peer->set_region(way.peer.region);
    peer->set_reachable(health.reachable);
    peer->set_draining(health.draining || way.peer.draining);
    peer->set_round_trip_ms(1000 * seconds(health.round_trip));
    peer->set_error(health.error);
  }
  if (const auto tls = table.server_tls()) {
    report->mutable_listener_certificate_until()->set_seconds(tls->expires_at());
  }
}

}  // namespace culvert
