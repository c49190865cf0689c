// Pools that a report does not name any more are forgotten, so that memory is bounded by reports.
#include "control/fleet/pool_watch.h"

#include "control/fleet/limits.h"

#include <algorithm>
#include <utility>

namespace culvert::control {

std::vector<PoolNews> PoolWatch::look(const std::string& relay,
                                      const v1::MetricsReport& report,
                                      Instant now) {
  const std::lock_guard lock(mutex_);
  // Relays that were removed are among them; the others are looked at anew.
  if (relays_.size() >= 2 * limits::kRelays && relays_.count(relay) == 0) relays_.clear();
  Pools& before = relays_[relay];
  Pools after;
  std::vector<PoolNews> news;
  for (const v1::PoolCondition& pool : report.pools()) {
    Told told = before[pool.pool()];
    const uint32_t lost = pool.keys() - std::min(pool.left(), pool.keys());
    if (told.times > 0 && now - told.since >= limits::kPoolNewsWhile) told.times = 0;
    if (lost != told.lost && told.times < limits::kPoolNews) {
      if (told.times++ == 0) told.since = now;
      news.push_back({.shrunk = lost > told.lost,
                      .pool = pool.pool(),
                      .upstream = pool.upstream(),
                      .left = pool.keys() - lost,
                      .keys = pool.keys()});
      told.lost = lost;
    }
    after[pool.pool()] = told;
  }
  before = std::move(after);
  return news;
}

}  // namespace culvert::control
