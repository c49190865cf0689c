// One try of a request: with one key, at one target, by one strategy. A retry is a new Attempt; the
// session destroys this one and chooses again.
#pragma once

#include "relay/base/recycled.h"
#include "relay/config/snapshot.h"
#include "relay/flow/services.h"
#include "relay/upstream/exchange.h"

#include <memory>
#include <string>

namespace culvert {

struct AttemptPlan {
  ExchangePlan exchange;
  std::string upstream;  // for metrics
  Strategy strategy = Strategy::kSocket;
  std::string ws_protocols;  // that go up, of a WebSocket
};

class AttemptSink {
 public:
  virtual ~AttemptSink() = default;
  virtual void on_connected() = 0;  // the head is sent; the body may follow
  virtual void on_interim(const ResponseHead& head) = 0;
  virtual void on_head(const ResponseHead& head) = 0;
  virtual void on_body(std::string_view bytes) = 0;
  virtual void on_end() = 0;
  virtual void on_attempt_failed(Error error) = 0;
  virtual void on_upload_drained() = 0;
};

class Attempt final : public Retirable, public Recycled<Attempt>, private ExchangeSink {
 public:
  Attempt(WorkerServices& services, AttemptPlan&& plan, AttemptSink& sink);
  ~Attempt() override;

  void start();  // the sink may be called from inside
  bool connected() const { return exchange_->connected(); }
  void send_body(std::string_view bytes) { exchange_->send_body(bytes); }
  void end_body() { exchange_->end_body(); }
  size_t upload_queued() const { return exchange_->queued(); }
  void pause() { exchange_->pause(); }
  void resume() { exchange_->resume(); }
  void rest() { exchange_->rest(); }

  Switched take_channel() { return exchange_->take_channel(); }

  // No more calls of the sink. A connection whose exchange ended whole goes back to the pool; any
  // other closes, which cancels what the upstream is doing.
  void stop() { exchange_->stop(); }

  const Legs& legs() const { return exchange_->legs(); }
  Strategy strategy() const { return strategy_; }

  // What another try may depend on; as Exchange's.
  uint64_t body_sent() const { return exchange_->body_sent(); }
  bool untouched() const { return exchange_->untouched(); }

 private:
  void on_connected() override;
  void on_interim(const ResponseHead& head) override { sink_.on_interim(head); }
  void on_head(const ResponseHead& head) override { sink_.on_head(head); }
  void on_body(std::string_view bytes) override { sink_.on_body(bytes); }
  void on_end() override { sink_.on_end(); }
  void on_failed(Error error) override { sink_.on_attempt_failed(std::move(error)); }
  void on_upload_drained() override { sink_.on_upload_drained(); }

  WorkerServices& services_;
  AttemptSink& sink_;
  const std::string upstream_;
  const bool tls_;
  const Strategy strategy_;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace culvert
