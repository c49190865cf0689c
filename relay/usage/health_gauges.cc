// Families are made anew each time: what is not configured any more disappears.
#include "relay/usage/health_gauges.h"

#include <prometheus/metric_family.h>

#include <initializer_list>
#include <map>
#include <utility>

namespace culvert {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;
constexpr const char* kKeyStates[] = {"ready", "resting", "isolated"};
constexpr const char* kBreakerStates[] = {"closed", "open", "half_open"};

class Family {
 public:
  Family(const char* name,
         const char* help,
         prometheus::MetricType type = prometheus::MetricType::Gauge) {
    family_.name = name;
    family_.help = help;
    family_.type = type;
  }
  void add(Labels labels, double value) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    (family_.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) =
        value;
    family_.metric.push_back(std::move(metric));
  }
  void move_to(std::vector<prometheus::MetricFamily>* families) {
    if (!family_.metric.empty()) families->push_back(std::move(family_));
  }

 private:
  prometheus::MetricFamily family_;
};

void add_keys(const std::vector<KeyGauge>& keys, std::vector<prometheus::MetricFamily>* out) {
  Family states("culvert_keys", "Keys by state: 1 for the state that a key is in.");
  Family sizes("culvert_upstream_keys", "How many keys of an upstream are in a state.");
  std::map<std::pair<std::string, std::string>, int> counts;
  for (const KeyGauge& key : keys) {
    for (const char* state : kKeyStates) {
      const int is = key.state == state ? 1 : 0;
      states.add({{"upstream", key.upstream}, {"key", key.key}, {"state", state}}, is);
      counts[{key.upstream, state}] += is;
    }
  }
  for (const auto& [label, count] : counts) {
    sizes.add({{"upstream", label.first}, {"state", label.second}}, count);
  }
  states.move_to(out);
  sizes.move_to(out);
}

void add_pools(const std::vector<PoolGauge>& pools, std::vector<prometheus::MetricFamily>* out) {
  Family sizes("culvert_pool_keys", "Keys of a pool.");
  Family left("culvert_pool_keys_left",
              "Keys of a pool that are neither isolated nor out for their quota.");
  for (const PoolGauge& pool : pools) {
    const Labels labels{{"pool", pool.pool}, {"upstream", pool.upstream}};
    sizes.add(labels, static_cast<double>(pool.keys));
    left.add(labels, static_cast<double>(pool.left));
  }
  sizes.move_to(out);
  left.move_to(out);
}

Labels labels_of(const TargetGauge& target) {
  return {{"upstream", target.upstream}, {"target", target.target}};
}

Labels with(Labels labels, const char* name, const char* value) {
  labels.push_back({name, value});
  return labels;
}

void add_states(const std::vector<TargetGauge>& targets,
                std::vector<prometheus::MetricFamily>* out) {
  Family breaker("culvert_upstream_breaker_state",
                 "Circuit breakers of targets: 1 for the state that one is in.");
  Family up("culvert_upstream_target_up", "1 where the last active check of a target was good.");
  Family at("culvert_upstream_check_timestamp_seconds", "When a target was checked last.");
  Family expiry("culvert_upstream_certificate_expiry_timestamp_seconds",
                "When the certificate ends that a target has shown last.");
  for (const TargetGauge& target : targets) {
    const Labels labels = labels_of(target);
    for (const char* state : kBreakerStates) {
      breaker.add(with(labels, "state", state), target.breaker == state ? 1 : 0);
    }
    if (target.checked) {
      up.add(labels, target.up ? 1 : 0);
      at.add(labels, target.checked_at);
    }
    if (target.certificate_expires_at != 0) {
      expiry.add(labels, static_cast<double>(target.certificate_expires_at));
    }
  }
  for (Family* family : {&breaker, &up, &at, &expiry}) family->move_to(out);
}

void add_checks(const std::vector<TargetGauge>& targets,
                std::vector<prometheus::MetricFamily>* out) {
  Family legs("culvert_upstream_check_seconds",
              "How long each leg of a target's last active check took.");
  Family checks("culvert_upstream_checks_total", "Active checks of targets, by their result.",
                prometheus::MetricType::Counter);
  for (const TargetGauge& target : targets) {
    if (!target.checked) continue;
    const Labels labels = labels_of(target);
    legs.add(with(labels, "leg", "resolve"), target.resolve_seconds);
    legs.add(with(labels, "leg", "connect"), target.connect_seconds);
    legs.add(with(labels, "leg", "tls"), target.tls_seconds);
    legs.add(with(labels, "leg", "first_byte"), target.first_byte_seconds);
    checks.add(with(labels, "result", "good"), static_cast<double>(target.well));
    checks.add(with(labels, "result", "failed"), static_cast<double>(target.ill));
  }
  legs.move_to(out);
  checks.move_to(out);
}

void add_peers(const std::vector<PeerGauge>& peers, std::vector<prometheus::MetricFamily>* out) {
  Family up("culvert_peer_up", "1 where another relay has answered its last check.");
  Family draining("culvert_peer_draining", "1 where another relay says that it is drained.");
  Family round_trip("culvert_peer_round_trip_seconds",
                    "Smoothed time from a check of another relay to its answer.");
  for (const PeerGauge& peer : peers) {
    const Labels labels{{"relay", peer.relay}, {"region", peer.region}};
    up.add(labels, peer.up ? 1 : 0);
    draining.add(labels, peer.draining ? 1 : 0);
    if (peer.round_trip_seconds > 0) round_trip.add(labels, peer.round_trip_seconds);
  }
  for (Family* family : {&up, &draining, &round_trip}) family->move_to(out);
}

}  // namespace

std::vector<prometheus::MetricFamily> health_families(const HealthGauges& gauges) {
  std::vector<prometheus::MetricFamily> families;
  add_keys(gauges.keys, &families);
  add_pools(gauges.pools, &families);
  add_states(gauges.targets, &families);
  add_checks(gauges.targets, &families);
  add_peers(gauges.peers, &families);
  return families;
}

}  // namespace culvert
