// See peers.h.
#include "relay/edge/peers.h"

#include "relay/base/limits.h"

#include <utility>
#include <vector>

namespace culvert {

Peers::Peers(WorkerServices& services, HandshakePool& handshakes, std::function<void()> emptied)
    : services_(services), handshakes_(handshakes), emptied_(std::move(emptied)) {}

Peers::~Peers() = default;

void Peers::listen(Fd fd) {
  listener_ = std::make_unique<Listener>(services_.loop, std::move(fd),
                                         static_cast<AcceptSink&>(*this));
}

void Peers::drain() {
  if (listener_ != nullptr) listener_->accept_waiting();
  listener_.reset();
  std::vector<PeerSession*> all;
  for (const auto& item : open_) all.push_back(item.first);
  for (PeerSession* session : all) session->drain();
}

void Peers::kill_all() {
  listener_.reset();
  std::vector<PeerSession*> all;
  for (const auto& item : open_) all.push_back(item.first);
  for (PeerSession* session : all) session->kill();
}

// Clients' limits are not theirs: each carries a client that another relay has counted. Whoever is
// no relay gets as far as the handshake.
bool Peers::on_accept(Fd connection, const Address& /*peer*/) {
  if (services_.table->peer_tls() == nullptr || open_.size() >= limits::kPeerConnections) {
    services_.metrics.count_refused("peer_connections");
    return true;
  }
  auto session = std::make_unique<PeerSession>(static_cast<PeerSessionOwner&>(*this), services_,
                                               handshakes_, std::move(connection));
  PeerSession& started = *session;
  open_.emplace(&started, std::move(session));
  started.start();
  return true;
}

void Peers::peer_over(PeerSession& session) {
  const auto found = open_.find(&session);
  if (found == open_.end()) return;
  services_.loop.retire(std::move(found->second));
  open_.erase(found);
  if (open_.empty()) emptied_();
}

}  // namespace culvert
