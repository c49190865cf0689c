// A look each second costs a walk over the keys; calls are made only for what is due.
#include "relay/flow/key_prober.h"

#include "relay/base/limits.h"
#include "relay/upstream/check_schedule.h"

namespace culvert {
namespace {

constexpr auto kLook = std::chrono::seconds(1);

}  // namespace

KeyProber::KeyProber(WorkerServices& services)
    : services_(services), timer_(services.loop, [this] { look(); }) {
  timer_.start(kLook);
}

KeyProber::~KeyProber() {
  for (auto& item : running_) {
    item.second.check->stop();
    services_.loop.retire(std::move(item.second.check));
  }
}

void KeyProber::look() {
  timer_.start(kLook);
  const auto& pools = services_.table->pools();
  for (const auto& item : pools) look_at(item.second);
  if (turns_.size() <= pools.size()) return;
  turns_.clear();  // pools went; those that are left begin anew
}

void KeyProber::look_at(const std::shared_ptr<const KeyPoolState>& pool) {
  pool->tell_changes();
  if (running_.size() >= limits::kKeyChecksAtOnce) return;
  const size_t room = limits::kKeyChecksAtOnce - running_.size();
  for (const KeyProbe& probe : pool->due_probes(room)) begin(pool, probe);
  const Upstream* upstream = services_.table->snapshot().upstream(pool->upstream());
  if (upstream == nullptr) return;
  const HealthCheckSettings& settings = upstream->health_check;
  if (settings.on && settings.keys && settings.interval > Duration::zero() && pool->size() > 0) {
    check_next(pool, settings);
  }
}

void KeyProber::check_next(const std::shared_ptr<const KeyPoolState>& pool,
                           const HealthCheckSettings& settings) {
  const Instant now = services_.clock.now();
  const auto [found, fresh] = turns_.try_emplace(pool->name());
  Turn& turn = found->second;
  if (fresh) turn.at = first_check(now, settings.interval, services_.random);
  if (turn.at > now) return;
  turn.at = next_check(now, settings.interval, 0, services_.random);
  for (size_t step = 0; step < pool->size(); ++step) {
    const size_t index = turn.index++ % pool->size();
    if (pool->health(index) == KeyHealth::kReady) return begin(pool, pool->begin_probe(index));
  }
}

void KeyProber::begin(const std::shared_ptr<const KeyPoolState>& pool, const KeyProbe& probe) {
  const Upstream* upstream = services_.table->snapshot().upstream(pool->upstream());
  if (upstream == nullptr || key_check_path(*upstream, upstream->targets.front().url).empty()) {
    return pool->report(probe, ProbeResult::kUnknown);
  }
  auto check = std::make_unique<KeyCheck>(
      services_,
      KeyCheckOrder{
          services_.table, *upstream, pool->key(probe.index), pool->way_out(probe.index), {}},
      static_cast<KeyCheckSink&>(*this));
  KeyCheck& started = *check;
  running_.emplace(&started, Running{std::move(check), pool, probe});
  started.start();
}

void KeyProber::on_key_checked(KeyCheck& check, const KeyCheckResult& result) {
  const auto found = running_.find(&check);
  found->second.pool->report(found->second.probe, probe_result(result), result.kind);
  services_.loop.retire(std::move(found->second.check));
  running_.erase(found);
}

}  // namespace culvert
