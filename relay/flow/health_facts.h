// The health of a table's upstreams, keys and targets at one moment, put together for whoever tells
// it: metrics, the status page, the report to the control service. Any thread.
#pragma once

#include "relay/flow/table.h"
#include "relay/upstream/health_board.h"

#include <cstddef>
#include <string>
#include <vector>

namespace culvert {

struct PoolFacts {
  std::string name;
  std::string upstream;
  size_t keys = 0;
  size_t left = 0;  // neither isolated nor out for their quota
};

struct UpstreamFacts {
  const Upstream* upstream = nullptr;  // of the table
  // Of one that is named; nothing is known of others.
  std::vector<UpstreamHealth::TargetReport> targets;
  std::vector<PoolFacts> pools;
};

std::vector<UpstreamFacts> health_facts(const Table& table);  // in the order of the names

// One word for a target: `up`, `failing` (its breaker keeps requests off, or its last check
// failed), `unchecked`.
std::string_view word_of(const UpstreamHealth::TargetReport& target);

}  // namespace culvert
