// Wakes the relays' streams when there is something new for them: one thread that waits for the
// configuration and looks after streams that stand still, one that waits for the store (a relay
// joins, moves, or is drained or removed, here or by another replica).
#pragma once

#include "control/config/configuration.h"
#include "control/fleet/roster.h"
#include "control/fleet/switchboard.h"
#include "control/store/store.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace culvert::control {

class LinkWatch {
 public:
  struct Parts {
    const Configuration& configuration;
    Store& store;
    Roster& roster;
    Switchboard& switchboard;
    const Clock& clock;
  };
  explicit LinkWatch(Parts parts);
  LinkWatch(const LinkWatch&) = delete;
  LinkWatch& operator=(const LinkWatch&) = delete;
  ~LinkWatch();

 private:
  void watch_configuration();
  void watch_store();
  // Waits between tries of what came back too early; true where it is to end.
  bool stopped(Duration wait);

  Parts parts_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread configuration_thread_;
  std::thread store_thread_;
};

}  // namespace culvert::control
