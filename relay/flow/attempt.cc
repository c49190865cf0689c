// The strategy is chosen here; what is left is passing on.
#include "relay/flow/attempt.h"

#include "relay/upstream/fetch_exchange.h"
#include "relay/upstream/socket_exchange.h"

namespace culvert {
namespace {

std::unique_ptr<Exchange> exchange_for(WorkerServices& services,
                                       AttemptPlan plan,
                                       ExchangeSink& sink) {
  ExchangePlan exchange{std::move(plan.connect), std::move(plan.head), plan.exchange, plan.fresh};
  if (plan.strategy == Strategy::kFetch) {
    return std::make_unique<FetchExchange>(services.fetch, std::move(exchange), sink);
  }
  return std::make_unique<SocketExchange>(services.loop, services.connector, std::move(exchange),
                                          sink);
}

}  // namespace

Attempt::Attempt(WorkerServices& services, AttemptPlan plan, AttemptSink& sink)
    : services_(services),
      sink_(sink),
      upstream_(plan.upstream),
      tls_(plan.connect.tls),
      strategy_(plan.strategy),
      exchange_(exchange_for(services, std::move(plan), *this)) {}

// Cancelled here and not later: what it works with ends with the worker.
Attempt::~Attempt() {
  stop();
  services_.loop.retire(std::move(exchange_));
}

void Attempt::start() { exchange_->start(); }

void Attempt::on_connected() {
  const Legs& legs = exchange_->legs();
  services_.metrics.upstream(upstream_).connected(legs.reused, tls_, legs.session_resumed);
  sink_.on_connected();
}

}  // namespace culvert
