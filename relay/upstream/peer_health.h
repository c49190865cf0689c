// What this process knows of the fleet's other relays: whether they answer, how far away they are.
// It outlives configurations: a directory joins each of its relays once. Any thread.
#pragma once

#include "relay/base/clock.h"

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace culvert {

class PeerHealth {
 public:
  struct Report {
    bool checked = false;    // it was asked at least once
    bool reachable = true;   // until something speaks against it
    bool draining = false;   // as it said itself
    Duration round_trip{};   // smoothed; zero: never measured
    std::string error;       // of the last failure, while it is not reachable
  };

  void answered(Duration round_trip, bool draining);
  // By a check, or by a connection that was to go through it.
  void failed(const std::string& why);
  Report report() const;

 private:
  mutable std::mutex mutex_;
  Report now_;
};

class PeerBoard {
 public:
  std::shared_ptr<PeerHealth> join(const std::string& relay);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<PeerHealth>> relays_;  // by name
};

}  // namespace culvert
