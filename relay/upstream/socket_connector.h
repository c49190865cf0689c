// The socket strategy: DNS, Happy Eyeballs or another relay (peer_dial.h), TLS with verification,
// and a pool. One per worker.
#pragma once

#include "relay/channel/handshake_pool.h"
#include "relay/channel/resolver.h"
#include "relay/upstream/connector.h"
#include "relay/upstream/pool.h"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace culvert {

class SocketConnector final : public Connector {
 public:
  SocketConnector(Loop& loop, HandshakePool& handshakes, Resolver& resolver, const Clock& clock);
  ~SocketConnector() override;

  std::optional<Connection> reuse(const ConnectPlan& plan) override;
  std::unique_ptr<Connecting> connect(const ConnectPlan& plan, ConnectSink& sink) override;
  void give_back(Connection&& connection) override;
  void keep_spare(const ConnectPlan& plan) override;
  // Cancels the spares that are being opened. Before the end of the loop's last round: what is
  // cancelled needs the connector and the resolver until then.
  void drop_spares();

 private:
  class Attempt;
  class Spare;
  void spare_over(Spare& spare);
  // TLS settings and sessions of one identity; made at its first use.
  Result<std::shared_ptr<TlsClientConfig>> tls_config(const ConnectPlan& plan);

  Loop& loop_;
  HandshakePool& handshakes_;
  Resolver& resolver_;
  const Clock& clock_;
  ConnectionPool pool_;
  std::string asked_;  // the identity that was asked for last, in memory that is kept
  std::vector<std::unique_ptr<Spare>> spares_;  // that are being opened
  std::unordered_map<std::string, std::shared_ptr<TlsClientConfig>> tls_;
};

}  // namespace culvert
