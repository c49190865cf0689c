// Keys that were refused: out of use, tested in the background, and back.
#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/keys/pool.h"

#include <algorithm>

namespace culvert {
namespace {

int64_t nanoseconds(Instant time) { return time.time_since_epoch().count(); }

}  // namespace

void KeyPoolState::isolate(size_t index, RefusalKind kind) const {
  KeyState& state = *keys_[index].state;
  const Instant now = clock_->now();
  const bool billing = kind == RefusalKind::kBilling;
  const uint32_t failures = state.failures.fetch_add(1);
  const Duration isolation =
      billing ? std::max<Duration>(isolation_, limits::kKeyBillingIsolation) : isolation_;
  state.setbacks.fetch_add(1);
  state.reason.store(kind);
  state.isolated_until.store(nanoseconds(now + isolation));
  const bool probed = probe_ && !billing;
  state.probe_at.store(probed ? nanoseconds(now + probe_pause(failures)) : 0);
  state.suspect.store(true);
  const auto tell = callers_ ? log::debug : log::warn;
  tell("key isolated", {{"upstream", upstream_},
                        {"key", masked(index)},
                        {"reason", to_string(kind)},
                        {"seconds", seconds(isolation)}});
  tell_changes();
}

void KeyPoolState::bring_back(size_t index) const {
  KeyState& state = *keys_[index].state;
  state.probe_at.store(0);
  state.isolated_until.store(0);
  if (!state.suspect.exchange(false)) return;
  const auto tell = callers_ ? log::debug : log::info;
  tell("key recovered", {{"upstream", upstream_}, {"key", masked(index)}});
  tell_changes();
}

// Doubled by each failure, and never twice the same, so that keys that were lost together are not
// all tested together.
Duration KeyPoolState::probe_pause(uint32_t failures) const {
  const Duration least = limits::kKeyProbeLeast;
  const Duration most = limits::kKeyProbeMost;
  const Duration first = std::clamp<Duration>(isolation_ / 4, std::chrono::seconds(1), least);
  const Duration pause = std::min(first * (int64_t{1} << std::min<uint32_t>(failures, 12)), most);
  return pause / 10 * 8 + pause / 1000 * static_cast<int64_t>(random_->below(400));
}

std::vector<KeyProbe> KeyPoolState::due_probes(size_t most) const {
  std::vector<KeyProbe> due;
  if (!probe_) return due;
  const Instant now = clock_->now();
  for (size_t index = 0; index < keys_.size() && due.size() < most; ++index) {
    KeyState& state = *keys_[index].state;
    int64_t at = state.probe_at.load();
    if (at == 0 || at > nanoseconds(now) || !state.suspect.load()) continue;
    const KeyProbe probe = begin_probe(index);
    // A test of which nothing is heard again is made anew after the longest pause.
    const int64_t again = nanoseconds(now + limits::kKeyProbeMost);
    if (state.probe_at.compare_exchange_strong(at, again)) due.push_back(probe);
  }
  return due;
}

KeyProbe KeyPoolState::begin_probe(size_t index) const {
  return {index, keys_[index].state->setbacks.load()};
}

void KeyPoolState::report(const KeyProbe& probe, ProbeResult result, RefusalKind kind) const {
  KeyState& state = *keys_[probe.index].state;
  if (state.setbacks.load() != probe.setbacks) return;
  const bool isolated = state.suspect.load();
  if (result == ProbeResult::kGood) {
    // A list of models costs nothing, and says nothing about money.
    if (isolated && state.reason.load() != RefusalKind::kBilling) bring_back(probe.index);
    return;
  }
  if (result == ProbeResult::kBad && !isolated) return isolate(probe.index, kind);
  if (!isolated || state.probe_at.load() == 0) return;
  const bool bad = result == ProbeResult::kBad;
  const uint32_t failures = bad ? state.failures.fetch_add(1) : state.failures.load();
  const int64_t next = nanoseconds(clock_->now() + probe_pause(failures));
  state.probe_at.store(next);
  // Clients do not test what is known to be bad, as long as tests go on.
  const int64_t until = next + Duration(limits::kKeyProbeLeast).count();
  if (bad && state.isolated_until.load() < until) state.isolated_until.store(until);
}

bool KeyPoolState::away(size_t index, int64_t now) const {
  const KeyState& state = *keys_[index].state;
  if (state.suspect.load()) return true;
  return state.rests_until.load() > now && state.reason.load() == RefusalKind::kQuota;
}

size_t KeyPoolState::left() const {
  const int64_t now = nanoseconds(clock_->now());
  size_t count = 0;
  for (size_t index = 0; index < keys_.size(); ++index) count += away(index, now) ? 0 : 1;
  return count;
}

void KeyPoolState::tell_changes() const {
  if (callers_) return;
  const size_t now = left();
  const size_t before = told_left_.exchange(now);
  if (now == before) return;
  const auto tell = now < before ? log::warn : log::info;
  tell(now < before ? "pool has fewer keys" : "pool has more keys again",
       {{"pool", name_}, {"upstream", upstream_}, {"left", now}, {"of", keys_.size()}});
}

}  // namespace culvert
