// Asks the relays that this one may go through, all the time, whether they are there and how far
// away: over one connection each, that stays open. One worker of the process has one.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/upstream/connector.h"
#include "relay/upstream/peer_directory.h"

#include <map>
#include <memory>
#include <string>

namespace culvert {

class PeerProber {
 public:
  // All of them outlive it.
  PeerProber(Loop& loop, Connector& connector, const Clock& clock, Random& random);
  PeerProber(const PeerProber&) = delete;
  PeerProber& operator=(const PeerProber&) = delete;
  ~PeerProber();

  // From now on those of this directory; who was in the last one too is asked on.
  void watch(const PeerDirectory& directory);

 private:
  class Check;
  Loop& loop_;
  Connector& connector_;
  const Clock& clock_;
  Random& random_;
  std::map<std::string, std::unique_ptr<Check>> checks_;  // by relay
};

}  // namespace culvert
