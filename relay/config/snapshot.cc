// What a snapshot can say beside what it holds.
#include "relay/config/snapshot.h"

namespace culvert {

Timeouts merged(const Timeouts& base, const TimeoutOverrides& overrides) {
  Timeouts out;
  out.resolve = overrides.resolve.value_or(base.resolve);
  out.connect = overrides.connect.value_or(base.connect);
  out.tls = overrides.tls.value_or(base.tls);
  out.first_byte = overrides.first_byte.value_or(base.first_byte);
  out.idle = overrides.idle.value_or(base.idle);
  out.total = overrides.total.value_or(base.total);
  out.heartbeat = overrides.heartbeat.value_or(base.heartbeat);
  return out;
}

RetrySettings merged(const RetrySettings& base, const RetryOverrides& overrides) {
  RetrySettings out = base;  // the budget is always the upstream's
  out.attempts = overrides.attempts.value_or(base.attempts);
  if (overrides.statuses) out.statuses = *overrides.statuses;
  out.backoff = overrides.backoff.value_or(base.backoff);
  out.backoff_most = overrides.backoff_most.value_or(base.backoff_most);
  out.within = overrides.within.value_or(base.within);
  return out;
}

std::map<std::string_view, const KeyPool*> Snapshot::own_pools() const {
  std::map<std::string_view, const KeyPool*> out;
  for (const KeyPool& pool : pools) {
    const auto [known, fresh] = out.emplace(pool.upstream, &pool);
    if (fresh) continue;
    const bool is_own = known->second != nullptr && known->second->name == pool.upstream;
    if (!is_own) known->second = pool.name == pool.upstream ? &pool : nullptr;
  }
  std::erase_if(out, [](const auto& item) { return item.second == nullptr; });
  return out;
}

}  // namespace culvert
