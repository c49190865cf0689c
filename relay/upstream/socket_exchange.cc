// Connection, then exchange.
#include "relay/upstream/socket_exchange.h"

#include "relay/base/kept_text.h"

#include <utility>

namespace culvert {

SocketExchange::SocketExchange(Loop& loop,
                               Connector& connector,
                               ExchangePlan&& plan,
                               ExchangeSink& sink)
    : loop_(loop), connector_(connector), plan_(std::move(plan)), sink_(&sink) {}

SocketExchange::~SocketExchange() { stop(); }

void SocketExchange::start() {
  if (!plan_.fresh) {
    if (auto pooled = connector_.reuse(plan_.connect)) return begin(std::move(*pooled));
  }
  connecting_ = connector_.connect(plan_.connect, *this);
}

// A connection may come in the same round of the loop in which it was no longer wanted. Its channel
// is the caller, so it ends with this exchange and not here.
void SocketExchange::on_connection(Connection connection) {
  if (stopped_) {
    late_ = std::move(connection);
    return;
  }
  loop_.retire(std::move(connecting_));
  begin(std::move(connection));
}

void SocketExchange::begin(Connection connection) {
  legs_ = connection.legs;
  untouched_ = false;
  exchange_ = std::make_unique<HttpExchange>(loop_, std::move(connection), plan_.options,
                                             static_cast<HttpExchangeSink&>(*this));
  exchange_->send_head(plan_.head);
  keep_text(std::move(plan_.head));
  sink_->on_connected();
}

void SocketExchange::on_no_connection(Error error, const Legs& legs) {
  if (stopped_) return;
  legs_ = legs;
  loop_.retire(std::move(connecting_));
  sink_->on_failed(std::move(error));
}

void SocketExchange::send_body(std::string_view bytes) {
  body_sent_ += bytes.size();
  exchange_->send_body(bytes);
}

void SocketExchange::rest() {
  if (exchange_ != nullptr) exchange_->rest();
}

void SocketExchange::on_exchange_failed(Error error) {
  untouched_ = exchange_->untouched();
  sink_->on_failed(std::move(error));
}

void SocketExchange::stop() {
  stopped_ = true;
  if (connecting_ != nullptr) loop_.retire(std::move(connecting_));
  if (exchange_ == nullptr) return;
  exchange_->release(&connector_);
  loop_.retire(std::move(exchange_));
}

}  // namespace culvert
