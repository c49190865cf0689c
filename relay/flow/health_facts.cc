// Pools stand under their upstream, whichever of them pays for what.
#include "relay/flow/health_facts.h"

namespace culvert {

std::vector<UpstreamFacts> health_facts(const Table& table) {
  std::vector<UpstreamFacts> facts;
  for (const auto& [name, upstream] : table.snapshot().upstreams) {
    UpstreamFacts& one = facts.emplace_back();
    one.upstream = &upstream;
    if (!upstream.named) continue;
    one.targets = table.health(name)->report(upstream).targets;
    for (const auto& [pool_name, pool] : table.pools()) {
      if (pool->upstream() != name) continue;
      one.pools.push_back({pool_name, name, pool->size(), pool->left()});
    }
  }
  return facts;
}

std::string_view word_of(const UpstreamHealth::TargetReport& target) {
  if (target.state == BreakerState::kOpen) return "failing";
  if (!target.checks.last) return "unchecked";
  return target.checks.last->well ? "up" : "failing";
}

}  // namespace culvert
