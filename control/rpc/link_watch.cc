// Both waits are short, so that an end is not waited for long; a wait that fails or returns early
// without news (its part is closed) is not repeated at once.
#include "control/rpc/link_watch.h"

#include "relay/base/log.h"

namespace culvert::control {
namespace {

using std::chrono::milliseconds;

constexpr auto kWait = milliseconds(500);
constexpr auto kPause = milliseconds(50);

}  // namespace

LinkWatch::LinkWatch(Parts parts) : parts_(parts) {
  configuration_thread_ = std::thread([this] { watch_configuration(); });
  store_thread_ = std::thread([this] { watch_store(); });
}

LinkWatch::~LinkWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  configuration_thread_.join();
  store_thread_.join();
}

void LinkWatch::watch_configuration() {
  uint64_t seen = parts_.configuration.current()->generation;
  parts_.switchboard.wake_all();
  while (!stopped(Duration::zero())) {
    const auto state = parts_.configuration.wait(seen, kWait);
    parts_.switchboard.check_all(parts_.clock.now());
    if (state->generation == seen) {
      if (stopped(kPause)) return;
      continue;
    }
    seen = state->generation;
    parts_.switchboard.wake_all();
  }
}

void LinkWatch::watch_store() {
  uint64_t seen = 0;
  uint64_t peers = 0;
  while (!stopped(Duration::zero())) {
    const auto revision = parts_.store.wait(seen, kWait);
    if (!revision || *revision == seen) {
      if (stopped(kPause)) return;
      continue;
    }
    const auto changed = parts_.roster.refresh();
    if (!changed) {
      log::warn("the roster cannot be read", {{"error", changed.error().detail}});
      if (stopped(kWait)) return;
      continue;
    }
    seen = *revision;
    // What this replica itself has written is no news to the roster, but to the other relays.
    const uint64_t peers_now = parts_.roster.peers_version();
    if (*changed || peers_now != peers) parts_.switchboard.wake_all();
    peers = peers_now;
  }
}

bool LinkWatch::stopped(Duration wait) {
  std::unique_lock lock(mutex_);
  return stop_.wait_for(lock, wait, [this] { return stopping_; });
}

}  // namespace culvert::control
