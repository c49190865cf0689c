// The strategy is chosen here; what is left is passing on.
#include "relay/flow/attempt.h"

#include "relay/upstream/fetch_exchange.h"
#include "relay/upstream/socket_exchange.h"

namespace culvert {
namespace {

std::unique_ptr<Exchange> exchange_for(WorkerServices& services,
                                       const Strategy& strategy,
                                       ExchangePlan&& plan,
                                       ExchangeSink& sink) {
  if (strategy == Strategy::kFetch) {
    return std::make_unique<FetchExchange>(services.fetch, std::move(plan), sink);
  }
  return std::make_unique<SocketExchange>(services.loop, services.connector, std::move(plan), sink);
}

}  // namespace

Attempt::Attempt(WorkerServices& services, AttemptPlan&& plan, AttemptSink& sink)
    : services_(services),
      sink_(sink),
      upstream_(std::move(plan.upstream)),
      tls_(plan.exchange.connect.tls),
      strategy_(std::move(plan.strategy)),
      exchange_(exchange_for(services, strategy_, std::move(plan.exchange), *this)) {}

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
