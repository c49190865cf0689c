// What Metrics holds; included by its own sources only, so that prometheus-cpp stays theirs.
#pragma once

#include "relay/usage/metrics.h"

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <compare>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

namespace culvert {

// A request's key, by names that are only looked at: what is counted is found without memory.
struct KeyLabels {
  std::string_view upstream;
  std::string_view key;
  std::string_view result;
  auto operator<=>(const KeyLabels&) const = default;
};
struct KeyCounter {
  std::string upstream;
  std::string key;
  std::string result;
  prometheus::Counter* counter = nullptr;
  KeyLabels labels() const { return {upstream, key, result}; }
};
struct ByKeyLabels {
  using is_transparent = void;
  static const KeyLabels& labels(const KeyLabels& of) { return of; }
  static KeyLabels labels(const KeyCounter& of) { return of.labels(); }
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return labels(a) < labels(b);
  }
};

struct Metrics::State {
  prometheus::Registry registry;
  std::mutex mutex;
  std::unordered_map<std::string, std::unique_ptr<OfUpstream>> upstreams;
  std::unordered_map<std::string, std::unique_ptr<OfTunnel>> tunnels;
  std::set<KeyCounter, ByKeyLabels> keys;
  prometheus::Gauge* connections = nullptr;
  prometheus::Gauge* active = nullptr;
  prometheus::Gauge* ready = nullptr;
  prometheus::Gauge* certificate_expiry = nullptr;
  prometheus::Gauge* lines_lost = nullptr;
  prometheus::Gauge* kept_streams = nullptr;
  prometheus::Gauge* kept_bytes = nullptr;
  prometheus::Gauge* spool_records = nullptr;
  prometheus::Gauge* spool_bytes = nullptr;
  prometheus::Gauge* spool_lost = nullptr;
};

}  // namespace culvert
