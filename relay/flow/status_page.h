// The status page as HTML: self-contained, light and dark, no script, no external asset.
#pragma once

#include "relay/base/clock.h"
#include "relay/config/snapshot.h"
#include "relay/flow/health_facts.h"

#include <string>
#include <vector>

namespace culvert {

struct StatusFacts {
  std::string version;
  std::string region;
  bool ready = false;
  double uptime_s = 0;
  WallTime now{};
  std::vector<UpstreamFacts> upstreams;  // of the snapshot
  bool details = false;                  // for the operator's eyes
};

std::string status_html(const Snapshot& snapshot, const StatusFacts& facts);
std::string status_json(const Snapshot& snapshot, const StatusFacts& facts);

std::string_view to_string(Dialect dialect);

}  // namespace culvert
