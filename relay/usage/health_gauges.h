// Health as metrics: the states of keys, pools and targets at the moment of the asking. Labels are
// names and URLs of the configuration, so their number is bounded by it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace prometheus {
struct MetricFamily;
}  // namespace prometheus

namespace culvert {

// The state of one key, as the keys room tells it.
struct KeyGauge {
  std::string upstream;
  std::string key;    // masked
  std::string state;  // ready, resting, isolated
};

struct PoolGauge {
  std::string pool;
  std::string upstream;
  uint64_t keys = 0;
  uint64_t left = 0;
};

struct TargetGauge {
  std::string upstream;
  std::string target;   // URL
  std::string breaker;  // closed, open, half_open
  bool checked = false;  // what follows is known
  bool up = false;
  double checked_at = 0;       // Unix seconds
  double resolve_seconds = 0;  // of the last check; so are the others
  double connect_seconds = 0;
  double tls_seconds = 0;
  double first_byte_seconds = 0;
  uint64_t well = 0;  // checks
  uint64_t ill = 0;
  int64_t certificate_expires_at = 0;  // 0: none was seen
};

// Another relay that this one may go through.
struct PeerGauge {
  std::string relay;
  std::string region;
  bool up = false;  // its last check was good
  bool draining = false;
  double round_trip_seconds = 0;  // smoothed; 0: never measured
};

struct HealthGauges {
  std::vector<KeyGauge> keys;
  std::vector<PoolGauge> pools;
  std::vector<TargetGauge> targets;
  std::vector<PeerGauge> peers;
};

// Families without a sample are left out.
std::vector<prometheus::MetricFamily> health_families(const HealthGauges& gauges);

}  // namespace culvert
