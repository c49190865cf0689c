// One connection of a tunnel, from its acceptance to its record: first bytes → which tunnel → TLS
// of the client → destination → both spliced → finished. Owned by the worker's tunnels; on one
// loop. Every failure goes through refuse(); success and failure end in one finish().
#pragma once

#include "relay/channel/fd.h"
#include "relay/channel/handshake_pool.h"
#include "relay/channel/tcp.h"
#include "relay/channel/tls_channel.h"
#include "relay/flow/services.h"
#include "relay/flow/tunnel_opening.h"
#include "relay/gate/client_limits.h"
#include "relay/stream/splice.h"

#include <memory>
#include <optional>
#include <string>

namespace culvert {

class TunnelSession;

class TunnelOwner {
 public:
  virtual ~TunnelOwner() = default;
  virtual void tunnel_over(TunnelSession& session) = 0;  // retires it
};

// A connection that was accepted for tunnels.
struct TunnelArrival {
  Fd connection;
  Address peer;
  ConnectionTicket ticket;
};

class TunnelSession final : public Retirable,
                            private ChannelSink,
                            private TlsReadySink,
                            private ConnectSink,
                            private SpliceSink {
 public:
  TunnelSession(TunnelOwner& owner,
                WorkerServices& services,
                HandshakePool& handshakes,
                TunnelArrival arrival);
  ~TunnelSession() override;

  // listener: of the newest table; null where it has none any more. May end in tunnel_over().
  void start(const TunnelListener* listener);
  // The relay ends: what is open is ended too, see Splice::close.
  void kill();

 private:
  enum class Phase : uint8_t {
    kOpening,     // the first bytes
    kHandshake,   // the client's TLS
    kConnecting,  // to the destination
    kSpliced,
    kLeaving,  // an alert goes out
    kOver,
  };

  // ChannelSink, TlsReadySink: of the client, until it is spliced
  void on_bytes(std::string_view bytes) override;
  void on_end(bool clean) override;
  void on_drained() override {}
  void on_failed(Error error) override;
  void on_tls_ready() override;
  // ConnectSink
  void on_connection(Connection connection) override;
  void on_no_connection(Error error, const Legs& legs) override;
  // SpliceSink
  void on_splice_over(SpliceEnd end) override;

  void read_opening(std::string_view bytes);
  void choose_tunnel();
  void begin_tls();
  void connect();
  void splice(Connection connection);
  ConnectPlan connect_plan() const;
  std::string proxy_header() const;
  void expired();
  void refuse(Error error, std::optional<TlsAlert> alert = std::nullopt);
  void leave_with(TlsAlert alert);
  void note_legs(const Legs& legs);
  void count();
  void finish(Outcome outcome, UsageClass usage);
  void give_place_back();
  void over();
  template <class Step>
  void or_fail(Step step);
  const Settings& settings() const { return table_->settings(); }
  Metrics::OfTunnel& metrics() const;

  TunnelOwner& owner_;
  WorkerServices& services_;
  HandshakePool& handshakes_;
  ConnectionTicket ticket_;
  std::shared_ptr<const Table> table_;
  SocketAddress peer_;  // or whom the proxy in front names
  SocketAddress local_;
  const TunnelListener* listener_ = nullptr;
  std::optional<TunnelOpening> opening_;
  std::string kept_;  // for the destination
  const Tunnel* tunnel_ = nullptr;
  const TunnelGear* gear_ = nullptr;
  bool counted_ = false;             // in the tunnel's count
  std::unique_ptr<TcpChannel> tcp_;  // of the client, until its TLS begins
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<Connecting> connecting_;
  std::optional<Splice> splice_;
  RunningRequest running_;
  RequestRecord record_;
  Instant started_;
  uint64_t counted_in_ = 0;  // bytes that the metrics have
  uint64_t counted_out_ = 0;
  Phase phase_ = Phase::kOpening;
  bool finished_ = false;
  Timer timer_;  // opening, handshake, leaving; then the looks at what has passed
};

}  // namespace culvert
