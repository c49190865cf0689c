// What Metrics holds; included by its own sources only, so that prometheus-cpp stays theirs.
#pragma once

#include "relay/usage/metrics.h"

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace culvert {

struct Metrics::State {
  prometheus::Registry registry;
  std::mutex mutex;
  std::unordered_map<std::string, std::unique_ptr<OfUpstream>> upstreams;
  std::unordered_map<std::string, std::unique_ptr<OfTunnel>> tunnels;
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
