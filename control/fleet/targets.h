// The targets of all places of the fleet, made from the configuration and the roster as they
// change: relays of one place share one. Owned by main. Safe on any thread.
#pragma once

#include "control/fleet/catalog.h"
#include "control/fleet/peers.h"
#include "control/fleet/roster.h"

#include <map>
#include <memory>
#include <mutex>

namespace culvert::control {

class Targets {
 public:
  Targets(const Configuration& configuration, const Roster& roster)
      : configuration_(configuration), roster_(roster) {}

  // Of the configuration and the fleet as they are now.
  std::shared_ptr<const Target> of(const Place& place);

 private:
  struct Made {
    std::shared_ptr<const Target> target;
    uint64_t peers_version = 0;  // that it has
  };
  void follow_configuration();
  void follow_roster();

  const Configuration& configuration_;
  const Roster& roster_;
  std::mutex mutex_;
  std::shared_ptr<const ConfigState> state_;  // that the others were made from
  Catalog catalog_;
  Peers peers_;
  uint64_t peers_version_ = 0;  // of the roster, that they were made from
  std::map<Place, Made> made_;  // no more than there are relays
};

}  // namespace culvert::control
