// The steps of a tunnel's connection, in their order.
#include "relay/flow/tunnel_session.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/channel/listener.h"
#include "relay/flow/pages.h"
#include "relay/flow/tunnel_end.h"

#include <algorithm>
#include <new>
#include <utility>

namespace culvert {
namespace {

// How often the metrics and the running record learn what has passed.
constexpr auto kCountEvery = std::chrono::seconds(5);

bool within(const std::vector<Network>& networks, const Address& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.contains(address); });
}

UsageClass usage_of(SpliceEnd::Cause cause) {
  if (cause == SpliceEnd::Cause::kWhole) return UsageClass::kDelivered;
  return cause == SpliceEnd::Cause::kClient ? UsageClass::kAborted : UsageClass::kTruncated;
}

}  // namespace

TunnelSession::TunnelSession(TunnelOwner& owner,
                             WorkerServices& services,
                             HandshakePool& handshakes,
                             TunnelArrival arrival)
    : owner_(owner),
      services_(services),
      handshakes_(handshakes),
      ticket_(std::move(arrival.ticket)),
      table_(services.table),
      peer_{arrival.peer, 0},
      local_{arrival.peer, 0},
      started_(services.clock.now()),
      timer_(services.loop, [this] { expired(); }) {
  const int fd = arrival.connection.get();
  if (auto peer = peer_address(fd)) peer_ = *peer;
  if (auto local = bound_address(fd)) local_ = *local;
  // Not watched for vanishing: an end that comes while reading is paused may be half a close.
  tcp_ = std::make_unique<TcpChannel>(services.loop, std::move(arrival.connection), false);
  record_.time = services.clock.wall();
  record_.id = random_id(services.random);
  record_.mode = "tunnel";
  services_.metrics.add_connections(1);
}

TunnelSession::~TunnelSession() {
  give_place_back();
  if (connecting_ != nullptr) services_.loop.retire(std::move(connecting_));
  services_.metrics.add_connections(-1);
}

void TunnelSession::start(const TunnelListener* listener) {
  listener_ = listener;
  tcp_->start(*this);
  if (listener == nullptr || services_.process.held.load()) {
    return refuse(Error::ours(Code::kDraining, Stage::kLimit, "the relay takes no traffic"));
  }
  if (ticket_.over_limit()) {
    return refuse(Error::ours(Code::kOverloaded, Stage::kLimit, "too many connections"));
  }
  const bool proxied = !listener->proxies.empty();
  if (proxied && !within(listener->proxies, peer_.address)) {
    return refuse(Error::client(Code::kForbidden, Stage::kAuth,
                                "only the proxies of proxy_protocol_from may connect"));
  }
  record_.client = logged_address(peer_.address, settings().client_address);
  opening_.emplace(TunnelOpening::Expects{proxied, listener->tunnel.empty()});
  timer_.start(settings().handshake);
  if (opening_->whole()) choose_tunnel();
}

void TunnelSession::on_bytes(std::string_view bytes) {
  if (phase_ == Phase::kOpening) read_opening(bytes);
}

void TunnelSession::read_opening(std::string_view bytes) {
  auto whole = opening_->see(bytes);
  if (!whole) return refuse(std::move(whole).error(), opening_->alert());
  if (opening_->proxy() && opening_->proxy()->kind == ProxyHeader::Kind::kProxy) {
    peer_ = opening_->proxy()->source;
    local_ = opening_->proxy()->destination;
    record_.client = logged_address(peer_.address, settings().client_address);
  }
  if (*whole) choose_tunnel();
}

void TunnelSession::choose_tunnel() {
  tcp_->pause();
  kept_ = opening_->take_kept();
  const std::string& name = opening_->server_name();
  tunnel_ = table_->tunnel(*listener_, name);
  if (tunnel_ == nullptr) {
    return refuse(Error::client(Code::kNotFound, Stage::kRoute,
                                name.empty() ? "no name is asked for, and no tunnel takes that"
                                             : "no tunnel has the name that is asked for"),
                  TlsAlert::kUnrecognizedName);
  }
  gear_ = &table_->gear(*tunnel_);
  record_.upstream = "tunnel/" + tunnel_->name;
  record_.tenant = tunnel_->tenant;
  counted_ = true;
  const size_t before = gear_->count->fetch_add(1, std::memory_order_relaxed);
  if (tunnel_->connections != 0 && before >= tunnel_->connections) {
    return refuse(Error::ours(Code::kOverloaded, Stage::kLimit, "the tunnel has its connections"),
                  TlsAlert::kInternalError);
  }
  if (gear_->clients != nullptr) return begin_tls();
  connect();
}

void TunnelSession::begin_tls() {
  phase_ = Phase::kHandshake;
  auto tls = std::make_unique<TlsChannel>(services_.loop, handshakes_, std::move(tcp_),
                                          gear_->clients, static_cast<TlsReadySink*>(this));
  TlsChannel& begun = *tls;
  channel_ = std::move(tls);
  begun.pause();  // as the socket is; resumed as one
  begun.start(*this);
  begun.resume();
  const std::string arrived = std::exchange(kept_, {});
  begun.take(arrived);
}

void TunnelSession::on_tls_ready() {
  or_fail([this] {
    channel_->pause();
    connect();
  });
}

void TunnelSession::connect() {
  timer_.stop();
  phase_ = Phase::kConnecting;
  record_.attempts = 1;
  if (services_.accounts != nullptr) running_ = services_.accounts->begin(record_);
  connecting_ = services_.connector.connect(connect_plan(), *this);
}

ConnectPlan TunnelSession::connect_plan() const {
  ConnectPlan plan;
  plan.tls = tunnel_->tls;
  plan.host = tunnel_->host;
  plan.port = tunnel_->port;
  plan.server_name = tunnel_->server_name;
  plan.tls_config = gear_->destination;
  plan.preface = proxy_header();
  plan.via = tunnel_->via;
  plan.peers = &table_->peers();
  plan.resolve_timeout = tunnel_->resolve_timeout;
  plan.connect_timeout = tunnel_->connect_timeout;
  plan.tls_timeout = tunnel_->tls_timeout;
  return plan;
}

std::string TunnelSession::proxy_header() const {
  switch (tunnel_->proxy_header) {
    case ProxyHeaderSent::kNone:
      return {};
    case ProxyHeaderSent::kOne:
      return write_proxy_header(ProxyVersion::kOne, peer_, local_);
    case ProxyHeaderSent::kTwo:
      return write_proxy_header(ProxyVersion::kTwo, peer_, local_);
  }
  return {};
}

void TunnelSession::on_connection(Connection connection) {
  or_fail([&] { splice(std::move(connection)); });
}

void TunnelSession::splice(Connection connection) {
  note_legs(connection.legs);
  services_.loop.retire(std::move(connecting_));
  phase_ = Phase::kSpliced;
  opening_.reset();  // a tunnel may be idle for long
  if (channel_ == nullptr) channel_ = std::move(tcp_);
  channel_->mute();
  metrics().opened();
  splice_.emplace(services_.loop, Splice::Timers{tunnel_->idle, tunnel_->total},
                  static_cast<SpliceSink&>(*this));
  timer_.start(kCountEvery);
  splice_->start(std::move(channel_), std::move(connection.channel), std::exchange(kept_, {}));
}

void TunnelSession::on_no_connection(Error error, const Legs& legs) {
  note_legs(legs);
  services_.loop.retire(std::move(connecting_));
  refuse(std::move(error), TlsAlert::kInternalError);
}

void TunnelSession::on_splice_over(SpliceEnd end) {
  or_fail([&] {
    count();
    record_.close = close_word(end.cause);
    record_.error = words_of(end, "destination");
    if (end.cause != SpliceEnd::Cause::kWhole) record_.stage = Stage::kBody;
    metrics().closed(outcome_of(end.cause));
    finish(outcome_of(end.cause), usage_of(end.cause));
  });
  over();
}

// The client, before it is connected through.
void TunnelSession::on_end(bool /*clean*/) {
  if (phase_ == Phase::kLeaving) return over();
  refuse(Error::client(Code::kClientGone, Stage::kRequest, "the client left"));
}

void TunnelSession::on_failed(Error error) {
  if (phase_ == Phase::kLeaving) return over();
  if (error.stage == Stage::kNone) error.stage = Stage::kRequest;
  // What a channel takes for an upstream's fault is its peer's, which is the client here.
  if (error.fault == Fault::kUpstream) error.fault = Fault::kClient;
  if (phase_ == Phase::kOpening) error.code = Code::kClientGone;
  refuse(std::move(error));
}

void TunnelSession::expired() {
  if (phase_ == Phase::kSpliced) {
    timer_.start(kCountEvery);
    return count();
  }
  if (phase_ == Phase::kLeaving) return over();
  refuse(Error::client(Code::kRequestTimeout,
                       phase_ == Phase::kHandshake ? Stage::kTls : Stage::kRequest,
                       "the first bytes or the TLS handshake took too long"));
}

// An alert is said where the client speaks TLS with the destination, of which it has heard nothing.
void TunnelSession::refuse(Error error, std::optional<TlsAlert> alert) {
  if (finished_) return;
  or_fail([&] {
    record_.stage = error.stage;
    record_.error = std::move(error.detail);
    metrics().refused(error.code);
    finish(error.code == Code::kClientGone ? Outcome::kAborted : outcome_of(error.fault),
           UsageClass::kRefused);
  });
  if (phase_ == Phase::kOver) return;
  const bool by_name = listener_ != nullptr && listener_->tunnel.empty();
  if (alert && by_name && tcp_ != nullptr) return leave_with(*alert);
  over();
}

// Reading goes on, so that no reset overtakes the alert.
void TunnelSession::leave_with(TlsAlert alert) {
  phase_ = Phase::kLeaving;
  tcp_->write(tls_alert_record(alert));
  tcp_->finish(Channel::Finish::kClean);
  tcp_->resume();
  timer_.start(limits::kLingerTimeout);
}

void TunnelSession::note_legs(const Legs& legs) {
  if (legs.resolve > Duration::zero()) record_.resolve_ms = milliseconds(legs.resolve);
  if (legs.connect > Duration::zero()) record_.connect_ms = milliseconds(legs.connect);
  if (legs.tls > Duration::zero()) record_.tls_ms = milliseconds(legs.tls);
}

void TunnelSession::count() {
  record_.bytes_in = splice_->bytes_from(Splice::kClient);
  record_.bytes_out = splice_->bytes_from(Splice::kDestination);
  record_.total_ms = milliseconds(services_.clock.now() - started_);
  metrics().passed(record_.bytes_in - std::exchange(counted_in_, record_.bytes_in),
                   record_.bytes_out - std::exchange(counted_out_, record_.bytes_out));
  record_.usage = UsageClass::kTruncated;  // where the process dies next
  running_.note_counts(record_);
}

void TunnelSession::finish(Outcome outcome, UsageClass usage) {
  if (std::exchange(finished_, true)) return;
  timer_.stop();
  record_.outcome = outcome;
  record_.total_ms = milliseconds(services_.clock.now() - started_);
  record_.usage.reset();
  // Who was refused before the destination could see anything costs nobody anything.
  if (services_.accounts != nullptr && record_.attempts > 0) {
    record_.usage = usage;
    services_.accounts->append(record_);
  }
  running_.end();
  if (settings().access_log) services_.access_log.write(record_);
}

void TunnelSession::kill() {
  if (splice_) return splice_->close();
  refuse(Error::ours(Code::kDraining, Stage::kLimit, "the relay ended"));
  over();
}

// What was refused is reset: an end would say that it was all.
void TunnelSession::over() {
  if (phase_ == Phase::kOver) return;
  const bool reset = phase_ != Phase::kLeaving;
  phase_ = Phase::kOver;
  timer_.stop();
  give_place_back();
  if (connecting_ != nullptr) services_.loop.retire(std::move(connecting_));
  for (Channel* open : {static_cast<Channel*>(tcp_.get()), channel_.get()}) {
    if (open == nullptr) continue;
    open->mute();
    if (reset) open->reset_on_close();
  }
  owner_.tunnel_over(*this);
}

void TunnelSession::give_place_back() {
  if (std::exchange(counted_, false)) gear_->count->fetch_sub(1, std::memory_order_relaxed);
}

// Who calls could not tell this session that it ran out of memory.
template <class Step>
void TunnelSession::or_fail(Step step) {
  try {
    step();
  } catch (const std::bad_alloc&) {
    log::error("out of memory in a tunnel");
    finished_ = true;
    over();
  }
}

Metrics::OfTunnel& TunnelSession::metrics() const {
  return services_.metrics.tunnel(tunnel_ == nullptr ? "none" : tunnel_->name);
}

}  // namespace culvert
