// The fleet's other relays, as one configuration has them: where each listens, what proves it to be
// that one, how it is. Immutable; part of a table, and safe on any thread.
#pragma once

#include "relay/channel/tls_config.h"
#include "relay/config/snapshot.h"
#include "relay/upstream/connector.h"
#include "relay/upstream/peer_health.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// One relay that connections may go through.
struct PeerWay {
  Peer peer;
  std::shared_ptr<TlsClientConfig> tls;  // shows this relay's certificate
  std::shared_ptr<PeerHealth> health;
};

// How to get to that relay itself.
ConnectPlan plan_to(const PeerWay& way);

class PeerDirectory {
 public:
  PeerDirectory() = default;  // of a relay without a fleet
  // self: this relay's name. ways: the others. regions: that some upstream, key or tunnel goes
  // through.
  PeerDirectory(std::string self, std::vector<PeerWay> ways, std::set<std::string> regions);

  const std::string& self() const { return self_; }
  const std::vector<PeerWay>& ways() const { return ways_; }
  bool goes_through(const PeerWay& way) const { return regions_.count(way.peer.region) != 0; }

  // A relay of the region that is not among `tried`: one that answers before one that does not,
  // then the nearest; those that are about as near take turns. nullptr: there is none.
  const PeerWay* choose(std::string_view region, const std::vector<const PeerWay*>& tried) const;

 private:
  std::string self_;
  std::vector<PeerWay> ways_;
  std::set<std::string> regions_;
  mutable std::atomic<size_t> turn_{0};
};

}  // namespace culvert
