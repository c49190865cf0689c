// A request that becomes a tunnel: the connection that CONNECT asks for, and then, of it as of a
// WebSocket, both sides' bytes, counted while they pass. Part of the session, which says when each
// side is ready; knows neither HTTP nor who may.
#pragma once

#include "relay/channel/timer.h"
#include "relay/flow/bill.h"
#include "relay/flow/client_side.h"
#include "relay/flow/services.h"
#include "relay/stream/splice.h"
#include "relay/upstream/connector.h"
#include "relay/upstream/exchange.h"

#include <memory>
#include <optional>
#include <string>

namespace culvert {

class RequestTunnelSink {
 public:
  virtual ~RequestTunnelSink() = default;
  // One of them once, after connect().
  virtual void on_through(Connection connection) = 0;
  virtual void on_not_through(Error error, const Legs& legs) = 0;
  // Once, after begin(); the record has the last counts.
  virtual void on_tunnel_over(SpliceEnd end) = 0;
};

class RequestTunnel final : private ConnectSink, private SpliceSink {
 public:
  // All of them outlive it. label: of the metrics.
  RequestTunnel(WorkerServices& services,
                RequestRecord& record,
                Bill& bill,
                std::string label,
                Instant request_began,
                RequestTunnelSink& sink);
  ~RequestTunnel() override;

  void connect(const ConnectPlan& plan);

  // First the one, then the other: what it has is kept until this is destroyed, because either may
  // be whose call is being answered.
  void take_upstream(Switched upstream) { upstream_ = std::move(upstream); }
  void take_client(ClientTunnel client) { client_ = std::move(client); }
  void begin(Splice::Timers timers);

  void close();  // both sides get an end, and the sink is told
  void stop();   // no more calls of the sink

 private:
  void on_connection(Connection connection) override;
  void on_no_connection(Error error, const Legs& legs) override;
  void on_splice_over(SpliceEnd end) override;
  void count();

  WorkerServices& services_;
  RequestRecord& record_;
  Bill& bill_;
  Metrics::OfTunnel& metrics_;
  const Instant began_;
  RequestTunnelSink* sink_;  // null: stopped
  std::unique_ptr<Connecting> connecting_;
  Connection late_;  // came after stop()
  ClientTunnel client_;
  Switched upstream_;
  std::optional<Splice> splice_;
  uint64_t early_ = 0;  // bytes of the upstream's that came before the splice
  uint64_t counted_in_ = 0;
  uint64_t counted_out_ = 0;
  Timer count_timer_;
};

}  // namespace culvert
