// The socket strategy: DNS, Happy Eyeballs, TLS with verification, and a pool. One per worker.
#pragma once

#include "relay/channel/handshake_pool.h"
#include "relay/channel/resolver.h"
#include "relay/upstream/connector.h"
#include "relay/upstream/pool.h"

#include <memory>
#include <string>
#include <unordered_map>

namespace culvert {

class SocketConnector final : public Connector {
 public:
  SocketConnector(Loop& loop, HandshakePool& handshakes, Resolver& resolver, const Clock& clock);
  ~SocketConnector() override;

  std::optional<Connection> reuse(const ConnectPlan& plan) override;
  std::unique_ptr<Connecting> connect(const ConnectPlan& plan, ConnectSink& sink) override;
  void give_back(Connection&& connection) override;

 private:
  class Attempt;
  // TLS settings and sessions of one identity; made at its first use.
  Result<std::shared_ptr<TlsClientConfig>> tls_config(const ConnectPlan& plan);

  Loop& loop_;
  HandshakePool& handshakes_;
  Resolver& resolver_;
  const Clock& clock_;
  ConnectionPool pool_;
  std::unordered_map<std::string, std::shared_ptr<TlsClientConfig>> tls_;
};

}  // namespace culvert
