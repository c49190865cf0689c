// The service's /metrics: each relay, the fleet in sums, the ledger, the service itself. Labels are
// names of relays, regions and upstreams, so their number is the fleet's. Pure.
#pragma once

#include "control/fleet/attendance.h"
#include "culvert/v1/admin.pb.h"

#include <cstdint>
#include <string>
#include <vector>

namespace culvert::control {

struct FleetFigures {
  std::string version;
  uint64_t revision = 0;  // of the configuration
  uint64_t streams = 0;   // of relays, open now
  bool ready = false;
  std::vector<v1::RelayStatus> relays;
  FleetTotals totals;
  bool ledger_known = false;
  uint64_t ledger_records = 0;
  uint64_t ledger_lost = 0;
};
std::string fleet_metrics(const FleetFigures& figures);

}  // namespace culvert::control
