// The socket strategy's exchange: a connection from the pool or a new one, then HTTP/1.1 on it.
#pragma once

#include "relay/base/recycled.h"
#include "relay/upstream/exchange.h"
#include "relay/upstream/http_exchange.h"

#include <memory>

namespace culvert {

class SocketExchange final : public Exchange,
                             public Recycled<SocketExchange>,
                             private ConnectSink,
                             private HttpExchangeSink {
 public:
  SocketExchange(Loop& loop, Connector& connector, ExchangePlan&& plan, ExchangeSink& sink);
  ~SocketExchange() override;

  void start() override;
  bool connected() const override { return exchange_ != nullptr; }
  void send_body(std::string_view bytes) override;
  void end_body() override { exchange_->end_body(); }
  size_t queued() const override { return exchange_->queued(); }
  void pause() override { exchange_->pause(); }
  void resume() override { exchange_->resume(); }
  void rest() override;
  Switched take_channel() override { return exchange_->take_channel(); }
  void stop() override;
  const Legs& legs() const override { return legs_; }
  uint64_t body_sent() const override { return body_sent_; }
  bool untouched() const override { return untouched_; }

 private:
  void on_connection(Connection connection) override;
  void on_no_connection(Error error, const Legs& legs) override;
  void on_interim_answer(const ResponseHead& head) override { sink_->on_interim(head); }
  void on_answer_head(const ResponseHead& head) override { sink_->on_head(head); }
  void on_answer_body(std::string_view bytes) override { sink_->on_body(bytes); }
  void on_answer_end() override { sink_->on_end(); }
  void on_exchange_failed(Error error) override;
  void on_upload_drained() override { sink_->on_upload_drained(); }
  void begin(Connection connection);

  Loop& loop_;
  Connector& connector_;
  ExchangePlan plan_;
  ExchangeSink* sink_;
  bool stopped_ = false;
  bool untouched_ = true;
  uint64_t body_sent_ = 0;
  Legs legs_;
  std::unique_ptr<Connecting> connecting_;
  std::unique_ptr<HttpExchange> exchange_;
  Connection late_;  // came after stop()
};

}  // namespace culvert
