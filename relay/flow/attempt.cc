// Connection, then exchange.
#include "relay/flow/attempt.h"

namespace culvert {

Attempt::Attempt(WorkerServices& services, AttemptPlan plan, AttemptSink& sink)
    : services_(services), plan_(std::move(plan)), sink_(&sink) {}

Attempt::~Attempt() { stop(); }

void Attempt::start() {
  if (!plan_.fresh) {
    if (auto pooled = services_.connector.reuse(plan_.connect)) return begin(std::move(*pooled));
  }
  connecting_ = services_.connector.connect(plan_.connect, *this);
}

// A connection may come in the same round of the loop in which it was no longer wanted. Its channel
// is the caller, so it ends with this attempt and not here.
void Attempt::on_connection(Connection connection) {
  if (stopped_) {
    late_ = std::move(connection);
    return;
  }
  services_.loop.retire(std::move(connecting_));
  begin(std::move(connection));
}

void Attempt::begin(Connection connection) {
  legs_ = connection.legs;
  services_.metrics.upstream(plan_.upstream)
      .connected(legs_.reused, plan_.connect.tls, legs_.session_resumed);
  exchange_ = std::make_unique<HttpExchange>(services_.loop, std::move(connection), plan_.exchange,
                                             static_cast<ExchangeSink&>(*this));
  exchange_->send_head(plan_.head);
  sink_->on_connected();
}

void Attempt::on_no_connection(Error error, const Legs& legs) {
  if (stopped_) return;
  legs_ = legs;
  services_.loop.retire(std::move(connecting_));
  sink_->on_attempt_failed(std::move(error));
}

void Attempt::stop() {
  stopped_ = true;
  if (connecting_ != nullptr) services_.loop.retire(std::move(connecting_));
  if (exchange_ == nullptr) return;
  exchange_->release(&services_.connector);
  services_.loop.retire(std::move(exchange_));
}

}  // namespace culvert
