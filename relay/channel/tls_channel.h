// TLS over another Channel, as a Channel: over TCP, or inside the TLS of a connection to another
// relay. Handshakes run on the pool, while what is below goes on on the loop; what is written
// before the handshake is done waits.
#pragma once

#include "relay/base/buffer.h"
#include "relay/channel/channel.h"
#include "relay/channel/handshake_pool.h"
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

class TlsChannel final : public Channel, private ChannelSink, private Flushable {
 public:
  // The carrier may be new, or open and taken over from another owner who has muted and paused it;
  // start() makes it read.
  //
  // For a client of ours: the engine is made when the first bytes look like a ClientHello, so that
  // connections that say nothing cost no buffers.
  TlsChannel(Loop& loop,
             HandshakePool& pool,
             std::unique_ptr<Channel> carrier,
             std::shared_ptr<const TlsServerConfig> config,
             TlsReadySink* ready);
  // For an upstream that must prove to be `server_name` (tls_engine.h).
  static Result<std::unique_ptr<TlsChannel>> connect(Loop& loop,
                                                     HandshakePool& pool,
                                                     std::unique_ptr<Channel> carrier,
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
  size_t queued() const override { return carrier_->queued() + waiting_.size(); }
  uint64_t acknowledged() const override { return carrier_->acknowledged(); }
  uint64_t written() override { return carrier_->written(); }
  bool quiet() const override;
  void pause() override;
  void resume() override;
  void stop_watching_vanishing() override { carrier_->stop_watching_vanishing(); }
  void rest() override;
  void finish(Finish how) override;
  void reset_on_close() override { carrier_->reset_on_close(); }

  bool resumed() const;  // the session of an earlier connection was taken up; of upstreams, relays
  int64_t peer_expires_at() const;  // as the engine's, as is the next
  std::string peer_name() const;

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
  void encrypt(std::string_view bytes);
  void encrypt_gathered();
  void send_records();
  void flush() override;
  void on_flush_out_of_memory() override;
  void fail(Error error);

  enum class State : uint8_t { kWaiting, kHandshake, kOpen, kClosed };

  Loop& loop_;
  HandshakePool& pool_;
  std::unique_ptr<Channel> carrier_;  // of the ciphertext
  std::shared_ptr<const TlsServerConfig> server_config_;
  std::unique_ptr<TlsEngine> engine_;  // null while a step runs on the pool
  std::shared_ptr<HandshakeTicket> ticket_;
  ChannelSink* sink_ = nullptr;
  TlsReadySink* ready_sink_;
  Buffer arrived_;  // ciphertext that came while the engine was away
  Buffer waiting_;  // plaintext written before the handshake was done
  Buffer gathered_;  // plaintext of this event: one record, where it fits into one
  State state_ = State::kWaiting;
  bool carrier_ended_ = false;
  bool paused_ = false;
  bool was_high_ = false;  // what waits for the handshake went above the high-water mark
  bool finish_wanted_ = false;
  Finish finish_how_ = Finish::kClean;
  bool told_end_ = false;
  std::unique_ptr<Timer> again_;  // decrypts on after resume(): never from inside the caller
};

}  // namespace culvert
