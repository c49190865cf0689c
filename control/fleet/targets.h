// The targets of all places of the fleet, made from the configuration as it changes: relays of one
// place share one. Owned by main. Safe on any thread.
#pragma once

#include "control/fleet/catalog.h"

#include <map>
#include <memory>
#include <mutex>

namespace culvert::control {

class Targets {
 public:
  explicit Targets(const Configuration& configuration) : configuration_(configuration) {}

  // Of the configuration as it is now.
  std::shared_ptr<const Target> of(const Place& place);

 private:
  const Configuration& configuration_;
  std::mutex mutex_;
  std::shared_ptr<const ConfigState> state_;  // that the others were made from
  Catalog catalog_;
  std::map<Place, std::shared_ptr<const Target>> made_;  // no more than there are relays
};

}  // namespace culvert::control
