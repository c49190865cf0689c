// Listeners of tunnels follow the configuration while the relay runs: what a control service sends
// shall not wait for a restart.
#include "relay/base/log.h"
#include "relay/edge/server.h"

#include <fcntl.h>

#include <algorithm>
#include <vector>

namespace culvert {

// A socket for each worker, or for all of them the one that the service manager passed.
Result<void> Server::open_tunnel_listener(const TunnelListener& listener) {
  const std::string key = tunnel_listener_key(listener);
  const auto passed = std::find_if(passed_.begin(), passed_.end(), [&](const PassedSocket& socket) {
    return socket.address == listener.address;
  });
  SocketAddress address = listener.address;
  std::vector<Fd> sockets;
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (passed != passed_.end()) {
      sockets.emplace_back(::fcntl(passed->fd.get(), F_DUPFD_CLOEXEC, 0));
    } else {
      sockets.push_back(CULVERT_TRY(listen_on(address)));
      address = CULVERT_TRY(bound_address(sockets.back().get()));  // port 0 is drawn once
    }
  }
  for (size_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->listen_for_tunnels(key, std::move(sockets[i]));
  }
  tunnel_addresses_.insert_or_assign(key, address);
  return {};
}

// New ones first: a tunnel that was renamed is never without a listener.
void Server::follow_tunnel_listeners() {
  if (process_.draining.load()) return;
  std::set<std::string> wanted;
  for (const TunnelListener& listener : table_->snapshot().tunnel_listeners) {
    const std::string key = tunnel_listener_key(listener);
    wanted.insert(key);
    if (tunnel_addresses_.count(key) != 0) continue;
    if (auto opened = open_tunnel_listener(listener); !opened) {
      if (!tunnels_unbound_.insert(key).second) continue;
      log::error("a tunnel's listener cannot be opened; it is tried again",
                 {{"tunnel", listener.tunnel}, {"error", opened.error().detail}});
      continue;
    }
    tunnels_unbound_.erase(key);
    log_tunnel_listener(listener, tunnel_addresses_.at(key));
  }
  std::erase_if(tunnels_unbound_, [&](const auto& key) { return wanted.count(key) == 0; });
  std::erase_if(tunnel_addresses_, [&](const auto& open) {
    if (wanted.count(open.first) != 0) return false;
    for (auto& worker : workers_) worker->close_tunnel_listener(open.first);
    log::info("a tunnel's listener is closed", {{"address", open.second.text()}});
    return true;
  });
}

void Server::log_tunnel_listener(const TunnelListener& listener,
                                 const SocketAddress& address) const {
  log::info("listening", {{"scheme", listener.tunnel.empty() ? "tls" : "tcp"},
                          {"address", address.text()},
                          {"listener", listener.text},
                          {"tunnel", listener.tunnel}});
}

}  // namespace culvert
