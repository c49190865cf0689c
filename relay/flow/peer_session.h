// One connection of another relay of the fleet: its TLS, then what it asks, one thing after the
// other, until a CONNECT makes a splice of it. Every address that is connected to is this relay's
// choice: the near relay's word opens nothing. Owned by the worker's peer connections; on one loop.
#pragma once

#include "relay/channel/fd.h"
#include "relay/channel/handshake_pool.h"
#include "relay/channel/tls_channel.h"
#include "relay/codec/peer_request.h"
#include "relay/codec/request_parser.h"
#include "relay/flow/services.h"
#include "relay/stream/splice.h"

#include <memory>
#include <optional>
#include <string>

namespace culvert {

class PeerSession;

class PeerSessionOwner {
 public:
  virtual ~PeerSessionOwner() = default;
  virtual void peer_over(PeerSession& session) = 0;  // retires it
};

class PeerSession final : public Retirable,
                          private ChannelSink,
                          private TlsReadySink,
                          private ConnectSink,
                          private SpliceSink {
 public:
  PeerSession(PeerSessionOwner& owner,
              WorkerServices& services,
              HandshakePool& handshakes,
              Fd connection);
  ~PeerSession() override;

  // All may end in peer_over().
  void start();
  void drain();  // ends where it waits for a request
  void kill();

 private:
  enum class Phase : uint8_t { kHandshake, kWaiting, kConnecting, kSpliced, kOver };

  void on_tls_ready() override;
  void on_bytes(std::string_view bytes) override;
  void on_end(bool clean) override;
  void on_drained() override {}
  void on_failed(Error error) override;
  void on_connection(Connection connection) override;
  void on_no_connection(Error error, const Legs& legs) override;
  void on_splice_over(SpliceEnd end) override;

  bool of_fleet();
  void read(std::string_view bytes);
  void wait();
  void answer(const RequestHead& head);
  void connect(const RequestHead& head);
  Result<PeerRequest> asked(const RequestHead& head) const;
  ConnectPlan connect_plan(const PeerRequest& request) const;
  void splice(Connection connection);
  void refuse(const Error& error);
  void count();
  void write_log(Outcome outcome);
  void over();
  template <class Step>
  void or_fail(Step step);
  bool draining() const;

  PeerSessionOwner& owner_;
  WorkerServices& services_;
  std::shared_ptr<const Table> table_;
  std::unique_ptr<TlsChannel> channel_;
  std::string relay_;  // the other one's name, as its certificate has it
  std::optional<RequestParser> parser_;
  std::unique_ptr<Connecting> connecting_;
  std::optional<Splice> splice_;
  RequestRecord record_;
  Instant asked_at_{};
  uint64_t counted_in_ = 0;  // bytes that the metrics have
  uint64_t counted_out_ = 0;
  Phase phase_ = Phase::kHandshake;
  Timer timer_;  // handshake, waiting; then the looks at what has passed
};

}  // namespace culvert
