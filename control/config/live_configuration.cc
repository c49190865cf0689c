// Two look-ups tell whether anything changed; only then everything is read.
#include "control/config/live_configuration.h"

#include "relay/base/log.h"

#include <algorithm>
#include <utility>

namespace culvert::control {
namespace {

using namespace std::chrono_literals;

// How long the follower waits for the store at most: the end of the service and a wall clock that
// jumps are noticed within.
constexpr Duration kSlice = 250ms;
constexpr Duration kPause = 5ms;

}  // namespace

Result<std::unique_ptr<LiveConfiguration>> LiveConfiguration::open(Store& store,
                                                                   const Clock& clock) {
  Contents contents = CULVERT_TRY(load_contents(store, clock.wall()));
  return std::unique_ptr<LiveConfiguration>(
      new LiveConfiguration(store, clock, std::move(contents)));
}

LiveConfiguration::LiveConfiguration(Store& store, const Clock& clock, Contents contents)
    : store_(store),
      clock_(clock),
      contents_(std::make_shared<const Contents>(std::move(contents))),
      follower_([this] { follow(); }) {}

LiveConfiguration::~LiveConfiguration() {
  ending_.store(true);
  close();
  follower_.join();
}

std::shared_ptr<const ConfigState> LiveConfiguration::current() const { return contents()->state; }

std::shared_ptr<const Contents> LiveConfiguration::contents() const {
  const std::lock_guard lock(mutex_);
  return contents_;
}

std::shared_ptr<const ConfigState> LiveConfiguration::wait(uint64_t after, Duration most) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, most, [&] { return closed_ || contents_->state->generation > after; });
  return contents_->state;
}

void LiveConfiguration::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

Result<void> LiveConfiguration::refresh() {
  const std::lock_guard one(refresh_mutex_);
  if (!CULVERT_TRY(is_stale())) return {};
  auto fresh = std::make_shared<const Contents>(CULVERT_TRY(load_contents(store_, clock_.wall())));
  const std::lock_guard lock(mutex_);
  contents_ = std::move(fresh);
  changed_.notify_all();
  return {};
}

Result<bool> LiveConfiguration::is_stale() {
  const auto known = contents();
  if (known->next_expiry && *known->next_expiry <= clock_.wall()) return true;
  v1::StoredHead head;
  v1::StoredTokenSet set;
  return CULVERT_TRY(load_message(store_, kHeadKey, &head)) != known->head ||
         CULVERT_TRY(load_message(store_, kTokenSetKey, &set)) != known->tokens;
}

void LiveConfiguration::follow() {
  uint64_t seen = 0;
  bool failing = false;
  while (!ending_.load()) {
    Duration most = kSlice;
    if (const auto expiry = contents()->next_expiry) {
      most = std::clamp<Duration>(*expiry - clock_.wall(), 1ms, kSlice);
    }
    const auto revision = store_.wait(seen, most);
    const auto fresh = revision ? refresh() : Result<void>(revision.error());
    if (!fresh && !failing) {
      log::error("the configuration cannot be read; the last one goes on",
                 {{"error", fresh.error().detail}});
    }
    failing = !fresh;
    const bool news = revision && *revision != seen;
    if (revision) seen = *revision;
    if (news && !failing) continue;
    // A store that is closed, or fails, answers at once: it is not asked in a circle.
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, failing ? kSlice : kPause, [&] { return ending_.load(); });
  }
}

}  // namespace culvert::control
