// What one relay counts, over the restarts of its process: totals that only rise, and rates over
// its last reports. Pure; used under the lock of its owner.
#pragma once

#include "culvert/v1/admin.pb.h"
#include "culvert/v1/link.pb.h"

#include <deque>
#include <map>
#include <optional>
#include <string>

namespace culvert::control {

// Since the service began, and of what relays had counted when it did.
struct Totals {
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t input_tokens = 0;
  uint64_t output_tokens = 0;
  double cpu_seconds = 0;

  void add(const Totals& other);
};
using UpstreamTotals = std::map<std::string, Totals, std::less<>>;  // cpu_seconds stay 0

class Meter {
 public:
  struct Added {
    Totals all;
    UpstreamTotals upstreams;
  };
  // A report is of another process than the one before where it says so, or a counter is lower.
  // Returns what it adds to the totals.
  Added add(const v1::MetricsReport& report);

  const Totals& totals() const { return totals_; }
  const v1::MetricsReport* last() const { return reports_.empty() ? nullptr : &reports_.back(); }
  // nullopt before the first report. What needs two of one process is 0 until they are there.
  std::optional<v1::Rates> rates() const;

 private:
  std::deque<v1::MetricsReport> reports_;    // of one process, oldest first
  std::optional<v1::MetricsReport> before_;  // what the next is compared with
  Totals totals_;
};

// The value below which `share` (0 to 1) of what `to` counted beyond `from` lies, linear within a
// bucket; nullopt where nothing was counted or the buckets differ.
std::optional<double> quantile(const v1::Buckets& from, const v1::Buckets& to, double share);

}  // namespace culvert::control
