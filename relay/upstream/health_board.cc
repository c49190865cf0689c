// Weak references by name and URL: what no table uses any more is forgotten.
#include "relay/upstream/health_board.h"

#include "relay/base/limits.h"

#include <algorithm>

namespace culvert {
namespace {

bool contains(std::span<const size_t> tried, size_t target) {
  return std::find(tried.begin(), tried.end(), target) != tried.end();
}

}  // namespace

UpstreamHealth::Shared::Shared(const std::string& name, const Clock& clock)
    : budget(clock), concurrency(std::make_shared<Concurrency>(name, clock)) {}

std::optional<UpstreamHealth::Choice> UpstreamHealth::choose(const Upstream& upstream,
                                                             std::span<const size_t> tried,
                                                             Leniency leniency,
                                                             Random& random) const {
  auto targets = views(upstream, tried);
  while (const auto index =
             choose_target(targets, upstream.breaker.ejected_percent_most, leniency, random)) {
    Breaker& breaker = targets_[*index]->breaker;
    if (auto pass = breaker.admit(upstream.breaker)) return Choice{*index, std::move(*pass)};
    if (leniency != Leniency::kWell) return Choice{*index, breaker.force(upstream.breaker)};
    targets[*index].open = true;  // another request was faster to be the probe
  }
  return std::nullopt;
}

bool UpstreamHealth::has(const Upstream& upstream,
                         std::span<const size_t> tried,
                         Leniency leniency) const {
  // What is well passes by any leniency, and most often there is such a one.
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (upstream.targets[i].weight == 0 || contains(tried, i)) continue;
    if (!targets_[i]->breaker.refuses(upstream.breaker)) return true;
  }
  if (leniency == Leniency::kWell) return false;
  const auto targets = views(upstream, tried);
  const auto away = ejected(targets, upstream.breaker.ejected_percent_most);
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].tried || targets[i].weight == 0) continue;
    if (leniency == Leniency::kNotEjected && away[i]) continue;
    return true;
  }
  return false;
}

TargetViews UpstreamHealth::views(const Upstream& upstream, std::span<const size_t> tried) const {
  TargetViews out;
  for (size_t i = 0; i < targets_.size(); ++i) {
    const Breaker& breaker = targets_[i]->breaker;
    out.push_back({.weight = upstream.targets[i].weight,
                   .open = breaker.refuses(upstream.breaker),
                   .dead = breaker.dead(upstream.breaker),
                   .since = breaker.open_since(),
                   .tried = contains(tried, i)});
  }
  return out;
}

UpstreamHealth::Report UpstreamHealth::report(const Upstream& upstream) const {
  Report out;
  out.concurrency = shared_->concurrency->report(upstream.concurrency);
  for (size_t i = 0; i < targets_.size(); ++i) {
    const Breaker& breaker = targets_[i]->breaker;
    out.targets.push_back({.url = upstream.targets[i].url.text(),
                           .state = breaker.state(),
                           .consecutive_failures = breaker.consecutive_failures(),
                           .in_flight = breaker.in_flight(),
                           .strategy = targets_[i]->strategies.in_use(upstream.strategies),
                           .checks = targets_[i]->checks.report()});
  }
  return out;
}

std::shared_ptr<const UpstreamHealth> HealthBoard::join(const Upstream& upstream) {
  const std::lock_guard lock(mutex_);
  std::erase_if(upstreams_, [](const auto& item) { return item.second.expired(); });
  auto& known = upstreams_[upstream.name];
  auto shared = known.lock();
  if (shared == nullptr) {
    shared = std::make_shared<UpstreamHealth::Shared>(upstream.name, clock_);
    known = shared;
  }
  return made(upstream, std::move(shared));
}

std::shared_ptr<const UpstreamHealth> HealthBoard::guest(const Upstream& upstream) {
  const Url& url = upstream.targets.front().url;
  std::string host = url.scheme + "://" + url.authority();
  const std::lock_guard lock(mutex_);
  if (const auto known = guests_.find(host); known != guests_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return recent_.front().second;
  }
  auto health = made(upstream, std::make_shared<UpstreamHealth::Shared>(host, clock_));
  recent_.emplace_front(std::move(host), health);
  guests_[recent_.front().first] = recent_.begin();
  if (recent_.size() > limits::kKnownHosts) {
    guests_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return health;
}

std::shared_ptr<UpstreamHealth> HealthBoard::made(
    const Upstream& upstream, std::shared_ptr<UpstreamHealth::Shared> shared) const {
  std::erase_if(shared->targets, [](const auto& item) { return item.second.expired(); });
  auto health = std::make_shared<UpstreamHealth>();
  for (const Target& target : upstream.targets) {
    auto& known = shared->targets[target.url.text()];
    auto held = known.lock();
    if (held == nullptr) {
      held = std::make_shared<TargetHealth>(clock_);
      known = held;
    }
    health->targets_.push_back(std::move(held));
  }
  health->shared_ = std::move(shared);
  return health;
}

size_t HealthBoard::known_upstreams() const {
  const std::lock_guard lock(mutex_);
  return upstreams_.size();
}

size_t HealthBoard::known_hosts() const {
  const std::lock_guard lock(mutex_);
  return recent_.size();
}

}  // namespace culvert
