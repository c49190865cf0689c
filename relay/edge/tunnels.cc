// Doors by key; a door that is closed leaves the tunnels that came through it open.
#include "relay/edge/tunnels.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace culvert {

std::string tunnel_listener_key(const TunnelListener& listener) {
  return listener.text + ' ' + listener.tunnel;
}

class Tunnels::Door final : public AcceptSink {
 public:
  Door(Tunnels& tunnels, std::string key, Fd fd)
      : tunnels_(tunnels),
        key_(std::move(key)),
        listener_(tunnels.services_.loop, std::move(fd), *this) {}

  void accept_waiting() { listener_.accept_waiting(); }

 private:
  bool on_accept(Fd connection, const Address& peer) override {
    tunnels_.accept(std::move(connection), peer, key_);
    return true;
  }

  Tunnels& tunnels_;
  const std::string key_;
  Listener listener_;
};

Tunnels::Tunnels(WorkerServices& services,
                 HandshakePool& handshakes,
                 ClientLimits& limits,
                 std::function<void()> emptied)
    : services_(services), handshakes_(handshakes), limits_(limits), emptied_(std::move(emptied)) {}

Tunnels::~Tunnels() = default;

void Tunnels::listen(const std::string& key, Fd fd) {
  doors_[key] = std::make_unique<Door>(*this, key, std::move(fd));
}

void Tunnels::close(const std::string& key) {
  const auto found = doors_.find(key);
  if (found == doors_.end()) return;
  found->second->accept_waiting();
  doors_.erase(key);
}

void Tunnels::close_all() {
  for (const auto& [key, door] : doors_) door->accept_waiting();
  doors_.clear();
}

void Tunnels::kill_all() {
  doors_.clear();
  std::vector<TunnelSession*> all;
  for (const auto& item : open_) all.push_back(item.first);
  for (TunnelSession* session : all) session->kill();
}

void Tunnels::accept(Fd connection, const Address& peer, const std::string& key) {
  auto ticket = limits_.admit(peer);
  if (!ticket) {
    services_.metrics.count_refused(
        ticket.error().code == Code::kOverloaded ? "connections" : "connections_per_address");
    return;
  }
  auto session = std::make_unique<TunnelSession>(
      static_cast<TunnelOwner&>(*this), services_, handshakes_,
      TunnelArrival{std::move(connection), peer, std::move(ticket).value()});
  TunnelSession& started = *session;
  open_.emplace(&started, std::move(session));
  const auto& listeners = services_.table->snapshot().tunnel_listeners;
  const auto found = std::find_if(
      listeners.begin(), listeners.end(),
      [&](const TunnelListener& listener) { return tunnel_listener_key(listener) == key; });
  started.start(found == listeners.end() ? nullptr : &*found);
}

void Tunnels::tunnel_over(TunnelSession& session) {
  const auto found = open_.find(&session);
  if (found == open_.end()) return;
  services_.loop.retire(std::move(found->second));
  open_.erase(found);
  if (open_.empty()) emptied_();
}

}  // namespace culvert
