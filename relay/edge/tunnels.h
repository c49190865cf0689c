// A worker's tunnels: the listeners through which they come in, and those that are open. Owned by
// the worker, on its thread.
#pragma once

#include "relay/channel/listener.h"
#include "relay/flow/tunnel_session.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

namespace culvert {

class Tunnels final : private TunnelOwner {
 public:
  // emptied: called when the last open tunnel has ended.
  Tunnels(WorkerServices& services,
          HandshakePool& handshakes,
          ClientLimits& limits,
          std::function<void()> emptied);
  ~Tunnels() override;

  // key: of a listener, see tunnel_listener_key(). One of the same key is replaced.
  void listen(const std::string& key, Fd fd);
  void close(const std::string& key);
  void close_all();  // what the kernel has accepted already is taken before
  void kill_all();
  bool empty() const { return open_.empty(); }

 private:
  class Door;
  void accept(Fd connection, const Address& peer, const std::string& key);
  void tunnel_over(TunnelSession& session) override;

  WorkerServices& services_;
  HandshakePool& handshakes_;
  ClientLimits& limits_;
  const std::function<void()> emptied_;
  std::map<std::string, std::unique_ptr<Door>> doors_;
  std::unordered_map<TunnelSession*, std::unique_ptr<TunnelSession>> open_;
};

// What tells one listener of tunnels from another over changes of the configuration.
std::string tunnel_listener_key(const TunnelListener& listener);

}  // namespace culvert
