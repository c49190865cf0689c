// See peer_directory.h.
#include "relay/upstream/peer_directory.h"

#include "relay/base/limits.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

// Round trips differ by this much from one moment to the next.
constexpr Duration kAboutAsNear = std::chrono::milliseconds(2);

struct Candidate {
  const PeerWay* way;
  int rank;  // smaller is better
  Duration round_trip;
};

Candidate candidate(const PeerWay& way) {
  const PeerHealth::Report health = way.health->report();
  const bool draining = way.peer.draining || health.draining;
  return {&way, (health.reachable ? 0 : 2) + (draining ? 1 : 0), health.round_trip};
}

}  // namespace

ConnectPlan plan_to(const PeerWay& way) {
  ConnectPlan plan;
  plan.host = way.peer.host;
  plan.port = way.peer.port;
  plan.server_name = way.peer.name;
  plan.tls13_only = true;
  plan.tls_config = way.tls;
  plan.partition = "relay";  // never the connection of an upstream with the same address
  plan.resolve_timeout = limits::kPeerOpenTimeout;
  plan.connect_timeout = limits::kPeerOpenTimeout;
  plan.tls_timeout = limits::kPeerOpenTimeout;
  return plan;
}

PeerDirectory::PeerDirectory(std::string self,
                             std::vector<PeerWay> ways,
                             std::set<std::string> regions)
    : self_(std::move(self)), ways_(std::move(ways)), regions_(std::move(regions)) {}

const PeerWay* PeerDirectory::choose(std::string_view region,
                                     const std::vector<const PeerWay*>& tried) const {
  std::vector<Candidate> found;
  for (const PeerWay& way : ways_) {
    const bool used = std::find(tried.begin(), tried.end(), &way) != tried.end();
    if (way.peer.region == region && !way.peer.host.empty() && !used) {
      found.push_back(candidate(way));
    }
  }
  if (found.empty()) return nullptr;
  const auto best = std::min_element(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::pair(a.rank, a.round_trip) < std::pair(b.rank, b.round_trip);
  });
  const int rank = best->rank;
  const Duration farthest = best->round_trip * 5 / 4 + kAboutAsNear;
  std::erase_if(found, [&](const Candidate& one) {
    return one.rank != rank || one.round_trip > farthest;
  });
  return found[turn_.fetch_add(1, std::memory_order_relaxed) % found.size()].way;
}

}  // namespace culvert
