// A worker's connections of other relays: the listener through which they come in, and those that
// are open. Owned by the worker, on its thread.
#pragma once

#include "relay/channel/listener.h"
#include "relay/flow/peer_session.h"

#include <functional>
#include <memory>
#include <unordered_map>

namespace culvert {

class Peers final : private AcceptSink, private PeerSessionOwner {
 public:
  // emptied: called when the last open connection has ended.
  Peers(WorkerServices& services, HandshakePool& handshakes, std::function<void()> emptied);
  ~Peers() override;

  void listen(Fd fd);
  // Accepts no more; what waits for a request ends, what is carried goes on.
  void drain();
  void kill_all();
  bool empty() const { return open_.empty(); }

 private:
  bool on_accept(Fd connection, const Address& peer) override;
  void peer_over(PeerSession& session) override;

  WorkerServices& services_;
  HandshakePool& handshakes_;
  const std::function<void()> emptied_;
  std::unique_ptr<Listener> listener_;
  std::unordered_map<PeerSession*, std::unique_ptr<PeerSession>> open_;
};

}  // namespace culvert
