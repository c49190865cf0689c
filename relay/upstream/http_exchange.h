// One HTTP/1.1 request and its answer on one upstream connection. It frames the request body, reads
// the answer's events, keeps the timers of both, and knows whether the connection may be used
// again.
#pragma once

#include "relay/base/recycled.h"
#include "relay/channel/timer.h"
#include "relay/codec/response_parser.h"
#include "relay/upstream/exchange.h"

#include <memory>
#include <string>
#include <string_view>

namespace culvert {

class HttpExchangeSink {
 public:
  virtual ~HttpExchangeSink() = default;
  virtual void on_interim_answer(const ResponseHead& head) = 0;  // 1xx, but for 100 and 101
  virtual void on_answer_head(const ResponseHead& head) = 0;
  virtual void on_answer_body(std::string_view bytes) = 0;
  virtual void on_answer_end() = 0;
  // The answer is not whole. error.retry is kFreshConnection where the pooled connection died and
  // nothing of this request can have been acted upon.
  virtual void on_exchange_failed(Error error) = 0;
  virtual void on_upload_drained() = 0;  // queued() fell to the low-water mark
};

class HttpExchange final : public Retirable, public Recycled<HttpExchange>, private ChannelSink {
 public:
  HttpExchange(Loop& loop, Connection connection, ExchangeOptions options, HttpExchangeSink& sink);
  ~HttpExchange() override;

  void send_head(std::string_view head);  // as encoded, with its empty line
  void send_body(std::string_view bytes);
  void end_body();
  size_t queued() const { return connection_.channel->queued(); }

  // Stops and goes on reading the answer; the idle timer rests meanwhile.
  void pause();
  void resume();
  void rest() {
    if (connection_.channel != nullptr) connection_.channel->rest();
  }

  // See Exchange::take_channel().
  Switched take_channel();

  // No more calls of the sink. With a connector, and where the exchange ended whole on a connection
  // that may live on, it is given back; otherwise it closes.
  void release(Connector* connector);

  const Legs& legs() const { return connection_.legs; }
  bool answer_started() const { return parser_.started(); }
  // Nothing of the request can have been acted upon: the peer's system had acknowledged none of it
  // when it said its end. A reset says nothing of the kind: it overtakes delayed acknowledgements,
  // and what it would acknowledge itself is not counted.
  bool untouched() const;

 private:
  void on_bytes(std::string_view bytes) override;
  void on_end(bool clean) override;
  void on_drained() override;
  void on_failed(Error error) override;
  void on_timer();
  bool handle(const HttpEvent& event);
  void fail(Error error);
  bool reusable() const;

  Connection connection_;
  ExchangeOptions options_;
  HttpExchangeSink* sink_;
  ResponseParser parser_;
  uint64_t written_before_ = 0;
  bool body_sent_ = false;  // all of it was handed over
  bool head_arrived_ = false;
  bool keep_alive_ = false;
  bool ended_ = false;
  bool peer_ended_ = false;  // by its own word, not by a reset
  bool excess_ = false;
  bool paused_ = false;
  std::string switched_;  // bytes behind a 101
  Timer timer_;
};

}  // namespace culvert
