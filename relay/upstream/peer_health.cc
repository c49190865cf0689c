// See peer_health.h.
#include "relay/upstream/peer_health.h"

namespace culvert {

void PeerHealth::answered(Duration round_trip, bool draining) {
  const std::lock_guard lock(mutex_);
  const bool first = now_.round_trip == Duration::zero();
  // As TCP smooths it (RFC 6298 §2).
  now_.round_trip = first ? round_trip : (now_.round_trip * 7 + round_trip) / 8;
  now_.checked = true;
  now_.reachable = true;
  now_.draining = draining;
  now_.error.clear();
}

void PeerHealth::failed(const std::string& why) {
  const std::lock_guard lock(mutex_);
  now_.checked = true;
  now_.reachable = false;
  now_.error = why;
}

PeerHealth::Report PeerHealth::report() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

std::shared_ptr<PeerHealth> PeerBoard::join(const std::string& relay) {
  const std::lock_guard lock(mutex_);
  std::erase_if(relays_, [](const auto& item) { return item.second.expired(); });
  auto& known = relays_[relay];
  auto health = known.lock();
  if (health == nullptr) known = health = std::make_shared<PeerHealth>();
  return health;
}

}  // namespace culvert
