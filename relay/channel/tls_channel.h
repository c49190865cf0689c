// TLS over a TcpChannel, as a Channel. Handshakes run on the pool; what is written before the
// handshake is done waits.
#pragma once

#include "relay/base/buffer.h"
#include "relay/channel/channel.h"
#include "relay/channel/handshake_pool.h"
#include "relay/channel/tcp.h"
#include "relay/channel/timer.h"
#include "relay/channel/tls_config.h"

#include <memory>
#include <string>

namespace culvert {

// Told once, before any byte. A failure is told through ChannelSink::on_failed instead.
class TlsReadySink {
 public:
  virtual ~TlsReadySink() = default;
  virtual void on_tls_ready() = 0;
};

class TlsEngine;

class TlsChannel final : public Channel, private ChannelSink {
 public:
  // For a client of ours: the engine is made when the first bytes look like a ClientHello, so that
  // connections that say nothing cost no buffers.
  TlsChannel(Loop& loop,
             HandshakePool& pool,
             std::unique_ptr<TcpChannel> tcp,
             std::shared_ptr<const TlsServerConfig> config,
             TlsReadySink* ready);
  // For an upstream that must prove to be `server_name` (tls_engine.h).
  static Result<std::unique_ptr<TlsChannel>> connect(Loop& loop,
                                                     HandshakePool& pool,
                                                     std::unique_ptr<TcpChannel> tcp,
                                                     std::shared_ptr<TlsClientConfig> config,
                                                     const std::string& server_name,
                                                     TlsReadySink* ready,
                                                     bool offer_session = true);
  ~TlsChannel() override;

  void start(ChannelSink& sink) override;
  // For a client of ours, after start(): what came before TLS began. Calls the sink where it is no
  // ClientHello.
  void take(std::string_view arrived) {
    if (!arrived.empty()) on_bytes(arrived);
  }
  void mute() override;
  void write(std::string_view bytes) override;
  size_t queued() const override { return tcp_->queued() + waiting_.size(); }
  uint64_t acknowledged() const override { return tcp_->acknowledged(); }
  bool quiet() const override { return tcp_->quiet(); }
  void pause() override;
  void resume() override;
  void stop_watching_vanishing() override { tcp_->stop_watching_vanishing(); }
  void finish(Finish how) override;
  void reset_on_close() override { tcp_->reset_on_close(); }

  bool resumed() const;  // the session of an earlier connection was taken up
  int64_t peer_expires_at() const;  // as the engine's

 private:
  void on_bytes(std::string_view bytes) override;
  void on_end(bool clean) override;
  void on_drained() override;
  void on_failed(Error error) override;

  void accept_hello(std::string_view bytes);
  void step();
  void go_on(HandshakeStep step);
  template <class Step>
  void or_fail(Step step);
  void ready();
  void decrypt();
  void flush();
  void fail(Error error);

  enum class State : uint8_t { kWaiting, kHandshake, kOpen, kClosed };

  Loop& loop_;
  HandshakePool& pool_;
  std::unique_ptr<TcpChannel> tcp_;
  std::shared_ptr<const TlsServerConfig> server_config_;
  std::unique_ptr<TlsEngine> engine_;  // null while a step runs on the pool
  std::shared_ptr<HandshakeTicket> ticket_;
  ChannelSink* sink_ = nullptr;
  TlsReadySink* ready_sink_;
  Buffer arrived_;  // ciphertext that came while the engine was away
  Buffer waiting_;  // plaintext written before the handshake was done
  State state_ = State::kWaiting;
  bool tcp_ended_ = false;
  bool paused_ = false;
  bool finish_wanted_ = false;
  Finish finish_how_ = Finish::kClean;
  bool told_end_ = false;
  std::unique_ptr<Timer> again_;  // decrypts on after resume(): never from inside the caller
};

}  // namespace culvert
