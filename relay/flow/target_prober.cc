// A look each second costs a walk over the targets; calls are made only for what is due.
#include "relay/flow/target_prober.h"

#include "relay/base/log.h"

#include <utility>

namespace culvert {
namespace {

constexpr auto kLook = std::chrono::seconds(1);
constexpr size_t kAtOnce = 16;  // checks; what is due beside them waits for the next look

}  // namespace

TargetProber::TargetProber(WorkerServices& services)
    : services_(services), timer_(services.loop, [this] { look(); }) {
  timer_.start(kLook);
}

TargetProber::~TargetProber() {
  for (auto& item : running_) {
    item.second.check->stop();
    services_.loop.retire(std::move(item.second.check));
  }
}

void TargetProber::look() {
  timer_.start(kLook);
  if (services_.process.draining.load()) return;
  ++round_;
  for (const auto& [name, upstream] : services_.table->snapshot().upstreams) {
    const HealthCheckSettings& settings = upstream.health_check;
    if (!upstream.named || !settings.on || settings.interval <= Duration::zero()) continue;
    for (size_t i = 0; i < upstream.targets.size(); ++i) look_at(upstream, i);
  }
  std::erase_if(turns_, [this](const auto& item) { return item.second.round != round_; });
}

void TargetProber::look_at(const Upstream& upstream, size_t target) {
  const Instant now = services_.clock.now();
  const Duration interval = upstream.health_check.interval;
  Turn& turn = turns_[name_of(upstream, target)];
  turn.round = round_;
  if (turn.interval != interval) {
    turn.when.at = first_check(now, interval, services_.random);
    turn.interval = interval;
  }
  if (turn.running || running_.size() >= kAtOnce) return;
  const TargetHealth& health = services_.table->health(upstream.name)->target(target);
  const CheckDue due = check_due(turn.when, view_of(health.breaker, upstream.breaker),
                                 health.strategies.rests_until(upstream.strategies), now);
  if (due != CheckDue::kNothing) begin(upstream, target, due, &turn);
}

void TargetProber::begin(const Upstream& upstream, size_t target, CheckDue due, Turn* turn) {
  const auto& table = services_.table;
  const auto pool = table->pool(upstream.name);
  const Instant now = services_.clock.now();
  CheckCall call =
      check_call(upstream, upstream.targets[target].url, pool.get(), turn->count++);
  const bool of_way = due == CheckDue::kWay;
  if (of_way && !TargetCheck::possible_of_way(upstream, call)) return;
  if (due == CheckDue::kLook) call = {.path = {}, .key = {}, .exit = call.exit};
  if (!of_way) turn->when.checked = now;
  if (due != CheckDue::kLook && !of_way) {
    turn->when.at = next_check(now, turn->interval, 0, services_.random);
  }
  if (!TargetCheck::possible(upstream, call)) return;
  Breaker& breaker = table->health(upstream.name)->target(target).breaker;
  std::optional<Breaker::Pass> pass;
  if (due == CheckDue::kProbe) {
    pass = breaker.probe_early(upstream.breaker);
    if (!pass) return;  // a request is faster
  } else if (due == CheckDue::kCheck) {
    pass = breaker.force(upstream.breaker);
  }
  auto check = std::make_unique<TargetCheck>(
      services_, TargetCheckOrder{table, upstream, target, std::move(call), of_way},
      static_cast<TargetCheckSink&>(*this));
  TargetCheck& started = *check;
  running_.emplace(&started, Running{std::move(check), table, &upstream, target, std::move(pass),
                                      of_way});
  turn->running = true;
  started.start();
}

void TargetProber::on_target_checked(TargetCheck& check, CheckFinding finding) {
  const auto found = running_.find(&check);
  Running& ended = found->second;
  if (ended.of_way) return way_checked(found->first, finding.well);
  TargetHealth& health = ended.table->health(ended.upstream->name)->target(ended.target);
  const CheckRecord::Report before = health.checks.report();
  const std::string url = ended.upstream->targets[ended.target].url.text();
  const bool well = finding.well;
  tell_breaker(&ended, well);
  health.checks.note(finding);  // before it is told: who reads of it asks for it at once
  if (!well && before.ill_in_row == 0) {
    log::warn("target fails its check", {{"upstream", ended.upstream->name},
                                         {"target", url},
                                         {"stage", to_string(finding.stage)},
                                         {"error", finding.error}});
  } else if (well && before.ill_in_row > 0) {
    log::info("target is well again", {{"upstream", ended.upstream->name}, {"target", url}});
  }
  if (const auto turn = turns_.find(name_of(*ended.upstream, ended.target)); turn != turns_.end()) {
    turn->second.running = false;
    turn->second.when.ill = !well;
    if (!well) {
      turn->second.when.at = next_check(services_.clock.now(), turn->second.interval,
                                        before.ill_in_row + 1, services_.random);
    }
  }
  services_.loop.retire(std::move(ended.check));
  running_.erase(found);
}

// About the way there, and not about the target: the strategies know.
void TargetProber::way_checked(TargetCheck* check, bool well) {
  auto ended = running_.extract(check);
  const Upstream& upstream = *ended.mapped().upstream;
  const size_t target = ended.mapped().target;
  if (well) {
    log::info("strategy works again", {{"upstream", upstream.name},
                                       {"target", upstream.targets[target].url.text()},
                                       {"strategy", upstream.strategies.front().text()}});
  }
  if (const auto turn = turns_.find(name_of(upstream, target)); turn != turns_.end()) {
    turn->second.running = false;
  }
  services_.loop.retire(std::move(ended.mapped().check));
}

// A check ends only the outage that a check has seen: see check_due().
void TargetProber::tell_breaker(Running* ended, bool well) const {
  if (!ended->pass) return;
  const TargetHealth& health = ended->table->health(ended->upstream->name)->target(ended->target);
  if (!well) {
    ended->pass->failed();
  } else if (health.checks.report().ill_in_row > 0) {
    ended->pass->succeeded();
  }
}

std::string TargetProber::name_of(const Upstream& upstream, size_t target) {
  return upstream.name + ' ' + upstream.targets[target].url.text();
}

}  // namespace culvert
