// See request_tunnel.h.
#include "relay/flow/request_tunnel.h"

#include "relay/base/log.h"
#include "relay/flow/tunnel_end.h"

#include <new>
#include <utility>

namespace culvert {
namespace {

// How often the metrics and the running record learn what has passed: a tunnel may stay open for
// days.
constexpr auto kCountEvery = std::chrono::seconds(5);

}  // namespace

RequestTunnel::RequestTunnel(WorkerServices& services,
                             RequestRecord& record,
                             Bill& bill,
                             std::string label,
                             Instant request_began,
                             RequestTunnelSink& sink)
    : services_(services),
      record_(record),
      bill_(bill),
      metrics_(services.metrics.tunnel(label)),
      began_(request_began),
      sink_(&sink),
      count_timer_(services.loop, [this] {
        count_timer_.start(kCountEvery);
        count();
      }) {}

RequestTunnel::~RequestTunnel() { stop(); }

void RequestTunnel::connect(const ConnectPlan& plan) {
  connecting_ = services_.connector.connect(plan, *this);
}

// A connection may come in the same round of the loop in which it was no longer wanted. Its channel
// is the caller, so it ends with this tunnel and not here.
void RequestTunnel::on_connection(Connection connection) {
  if (sink_ == nullptr) {
    late_ = std::move(connection);
    return;
  }
  services_.loop.retire(std::move(connecting_));
  sink_->on_through(std::move(connection));
}

void RequestTunnel::on_no_connection(Error error, const Legs& legs) {
  if (sink_ == nullptr) return;
  services_.loop.retire(std::move(connecting_));
  sink_->on_not_through(std::move(error), legs);
}

void RequestTunnel::begin(Splice::Timers timers) {
  splice_.emplace(services_.loop, timers, static_cast<SpliceSink&>(*this));
  metrics_.opened();
  count_timer_.start(kCountEvery);
  early_ = upstream_.arrived.size();
  if (early_ > 0) client_.channel->write(upstream_.arrived);
  splice_->start(std::move(client_.channel), std::move(upstream_.channel), client_.arrived);
  client_.arrived.clear();
  upstream_.arrived.clear();
}

void RequestTunnel::on_splice_over(SpliceEnd end) {
  count_timer_.stop();
  try {
    count();
    metrics_.closed(outcome_of(end.cause));
  } catch (const std::bad_alloc&) {
    log::error("out of memory while a tunnel was counted");
  }
  RequestTunnelSink* sink = std::exchange(sink_, nullptr);
  if (sink != nullptr) sink->on_tunnel_over(std::move(end));
}

void RequestTunnel::count() {
  record_.bytes_in = splice_->bytes_from(Splice::kClient);
  record_.bytes_out = early_ + splice_->bytes_from(Splice::kDestination);
  metrics_.passed(record_.bytes_in - std::exchange(counted_in_, record_.bytes_in),
                  record_.bytes_out - std::exchange(counted_out_, record_.bytes_out));
  bill_.note_tunnel(milliseconds(services_.clock.now() - began_), &record_);
}

void RequestTunnel::close() {
  if (splice_) splice_->close();
}

void RequestTunnel::stop() {
  const bool runs = std::exchange(sink_, nullptr) != nullptr;
  if (connecting_ != nullptr) services_.loop.retire(std::move(connecting_));
  if (runs) close();
}

}  // namespace culvert
