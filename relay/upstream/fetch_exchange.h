// The fetch strategy's exchange: libcurl carries it, over HTTP/2 where the upstream speaks it, and
// by an egress proxy where there is one. Names, addresses, timers, the reading of the answer and
// the judgement of it are the relay's own, as with a socket.
//
//   a connection that lies idle, or: look up → dial → set up (proxy, TLS) → exchange
//
// What libcurl says from inside its callbacks is only noted; deliver() tells it to the sink.
#pragma once

#include "relay/base/buffer.h"
#include "relay/channel/timer.h"
#include "relay/upstream/dial.h"
#include "relay/upstream/egress_proxy.h"
#include "relay/upstream/exchange.h"
#include "relay/upstream/fetch_client.h"

#include <memory>
#include <optional>
#include <string>

namespace culvert {

class FetchWire;

class FetchExchange final : public Exchange, private AddressLookupSink, private DialSink {
 public:
  FetchExchange(FetchClient& client, ExchangePlan plan, ExchangeSink& sink);
  ~FetchExchange() override;

  void start() override;
  bool connected() const override { return connected_; }
  void send_body(std::string_view bytes) override;
  void end_body() override;
  size_t queued() const override { return upload_.size(); }
  void pause() override;
  void resume() override;
  void stop() override;
  const Legs& legs() const override { return legs_; }
  uint64_t body_sent() const override;
  // Beside the socket's reasons: a stream that a new connection of HTTP/2 refused
  // (RFC 9113 §8.7). On a connection that was used before, libcurl does not tell that apart.
  bool untouched() const override;

  void deliver();  // FetchClient's

 private:
  friend class FetchClient;  // its list of those that have something to tell

  void on_addresses(Addresses addresses) override;
  void on_no_addresses(Error error) override { fail(std::move(error)); }
  void on_dialled(Fd connection) override;
  void on_not_dialled(Error error) override;

  Result<void> prepare();
  Result<void> check_policy() const;
  void look_up();
  void dial();
  void note_legs();
  void note_set_up(Instant end);
  void run(Fd connection);
  void not_connected();
  void tell_connected();
  void read_answer();
  void handle(const HttpEvent& event);
  void finish();
  void end();
  void on_timer();
  void fail(Error error);
  void cut();

  FetchClient& client_;
  ExchangePlan plan_;
  ExchangeSink* sink_;
  std::optional<EgressProxy> proxy_;
  std::optional<Address> target_;  // for a proxy that resolves no names
  FetchLane* lane_ = nullptr;
  std::unique_ptr<AddressLookup> lookup_;
  std::unique_ptr<Dial> dial_;
  std::unique_ptr<FetchWire> wire_;  // while libcurl has it
  Instant set_up_since_{};
  Legs legs_;

  Buffer upload_;
  bool upload_ended_ = false;
  uint64_t body_sent_ = 0;  // when wire_ ended

  ResponseParser parser_;
  std::string inbox_;    // what libcurl gave
  std::string reading_;  // what the parser has; nothing is added to it while its parts are out
  size_t read_ = 0;      // of reading_
  bool paused_ = false;

  bool connected_ = false;
  bool head_arrived_ = false;
  bool ended_ = false;  // the parser's word
  bool over_ = false;
  bool untouched_ = true;  // when wire_ ended
  bool noted_ = false;
  FetchExchange* next_ready_ = nullptr;
  Timer timer_;
};

}  // namespace culvert
