// In the order of a connection's life.
#include "relay/flow/peer_session.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/channel/tcp.h"
#include "relay/flow/tunnel_end.h"

#include <algorithm>
#include <new>
#include <utility>

namespace culvert {
namespace {

constexpr auto kCountEvery = std::chrono::seconds(5);
constexpr HeadLimits kHeadLimits{limits::kPeerHeadBytes, 32, 1024};
// Names of tunnels have no slash.
const std::string kMetricsLabel = "peer/in";

}  // namespace

PeerSession::PeerSession(PeerSessionOwner& owner,
                         WorkerServices& services,
                         HandshakePool& handshakes,
                         Fd connection)
    : owner_(owner), services_(services), table_(services.table), timer_(services.loop, [this] {
        if (phase_ == Phase::kSpliced) {
          timer_.start(kCountEvery);
          return count();
        }
        over();
      }) {
  auto tcp = std::make_unique<TcpChannel>(services.loop, std::move(connection), false);
  channel_ = std::make_unique<TlsChannel>(services.loop, handshakes, std::move(tcp),
                                          table_->peer_tls(), static_cast<TlsReadySink*>(this));
}

PeerSession::~PeerSession() {
  if (connecting_ != nullptr) services_.loop.retire(std::move(connecting_));
}

void PeerSession::start() {
  channel_->start(*this);
  timer_.start(table_->settings().handshake);
}

void PeerSession::on_tls_ready() {
  or_fail([this] {
    relay_ = channel_->peer_name();
    if (of_fleet()) wait();
  });
}

// Who was removed from the fleet has a certificate that is good for some time yet, and perhaps a
// connection. False where it was refused.
bool PeerSession::of_fleet() {
  table_ = services_.table;
  const auto& fleet = table_->snapshot().peers;
  if (std::any_of(fleet.begin(), fleet.end(),
                  [&](const Peer& peer) { return peer.name == relay_; })) {
    return true;
  }
  log::warn("a relay that is not of the fleet was refused", {{"relay", relay_}});
  over();
  return false;
}

void PeerSession::wait() {
  phase_ = Phase::kWaiting;
  parser_.emplace(kHeadLimits);
  if (services_.process.draining.load()) return over();
  timer_.start(limits::kPeerWaiting);
}

void PeerSession::on_bytes(std::string_view bytes) {
  or_fail([&] { read(bytes); });
}

// One request at a time: what comes behind one before its answer is not of our relays.
void PeerSession::read(std::string_view bytes) {
  if (phase_ != Phase::kWaiting) return over();
  std::optional<RequestHead> head;
  while (true) {
    const auto event = parser_->next(&bytes);
    if (!event) {
      refuse(event.error());
      return over();
    }
    if (event->kind == EventKind::kNeedMore) return;
    if (event->kind == EventKind::kHead) head = parser_->head();
    if (event->kind == EventKind::kBody) return over();
    if (event->kind == EventKind::kEnd) break;
  }
  if (!bytes.empty() || !head) return over();
  if (of_fleet()) answer(*head);
}

bool PeerSession::draining() const {
  return services_.process.draining.load() || services_.process.held.load();
}

void PeerSession::answer(const RequestHead& head) {
  if (head.method == "CONNECT") return connect(head);
  if (head.method == "OPTIONS") {
    channel_->write(encode_peer_state(draining()));
    return wait();
  }
  refuse(Error::client(Code::kNotImplemented, Stage::kRequest,
                       "between relays there are CONNECT and OPTIONS"));
  wait();
}

void PeerSession::connect(const RequestHead& head) {
  record_ = {};
  record_.time = services_.clock.wall();
  record_.id = random_id(services_.random);
  record_.method = head.method;
  record_.mode = "peer";
  record_.upstream = "peer/" + relay_;
  record_.path = head.target;
  record_.attempts = 1;
  asked_at_ = services_.clock.now();
  auto request = asked(head);
  if (!request) {
    refuse(request.error());
    return wait();
  }
  phase_ = Phase::kConnecting;
  timer_.stop();
  channel_->pause();  // a near relay that leaves is seen when there is something to answer
  connecting_ = services_.connector.connect(connect_plan(*request), *this);
}

Result<PeerRequest> PeerSession::asked(const RequestHead& head) const {
  if (draining()) {
    return Error::ours(Code::kDraining, Stage::kLimit, "this relay is drained");
  }
  auto request = CULVERT_TRY(read_peer_request(head));
  const auto& path = request.path;
  if (std::find(path.begin(), path.end(), table_->peers().self()) != path.end()) {
    return Error::client(Code::kLoop, Stage::kRoute, "the connection has come through here before");
  }
  const auto& far_tls = request.far_tls;
  if (!far_tls || far_tls->upstream.empty()) return request;
  if (table_->snapshot().upstream(far_tls->upstream) != nullptr) return request;
  return Error::client(Code::kForbidden, Stage::kRoute,
                       "TLS for an upstream that this relay does not have");
}

ConnectPlan PeerSession::connect_plan(const PeerRequest& request) const {
  ConnectPlan plan;
  plan.host = request.to.host;
  plan.port = request.to.port;
  plan.policy = table_->peer_policy(request.to);
  plan.resolve_timeout = request.resolve;
  plan.connect_timeout = request.connect;
  plan.tls_timeout = request.tls;
  plan.tls = request.far_tls.has_value();
  if (!plan.tls) return plan;
  plan.server_name = request.far_tls->server_name;
  plan.tls13_only = request.far_tls->tls13_only;
  plan.trust = table_->trust(request.far_tls->upstream);
  return plan;
}

void PeerSession::on_connection(Connection connection) {
  or_fail([&] { splice(std::move(connection)); });
}

// The answer is a TLS record of its own, see PeerDial::read.
void PeerSession::splice(Connection connection) {
  services_.loop.retire(std::move(connecting_));
  const Legs& legs = connection.legs;
  record_.resolve_ms = milliseconds(legs.resolve);
  record_.connect_ms = milliseconds(legs.connect);
  if (legs.tls > Duration::zero()) record_.tls_ms = milliseconds(legs.tls);
  record_.status = 200;
  phase_ = Phase::kSpliced;
  channel_->write(encode_peer_answer({legs.resolve, legs.connect, legs.tls}));
  channel_->mute();
  services_.metrics.tunnel(kMetricsLabel).opened();
  // Of the near relay's timers none is longer, and it ends what stands still.
  splice_.emplace(services_.loop, Splice::Timers{limits::kPeerIdle, Duration::zero()},
                  static_cast<SpliceSink&>(*this));
  timer_.start(kCountEvery);
  splice_->start(std::move(channel_), std::move(connection.channel), {});
}

void PeerSession::on_no_connection(Error error, const Legs& /*legs*/) {
  or_fail([&] {
    services_.loop.retire(std::move(connecting_));
    refuse(error);
    wait();
    if (phase_ == Phase::kWaiting) channel_->resume();
  });
}

void PeerSession::refuse(const Error& error) {
  channel_->write(encode_peer_refusal(error));
  if (record_.mode.empty()) return;
  record_.stage = error.stage;
  record_.error = error.detail;
  record_.status = http_status(error.code);
  services_.metrics.tunnel(kMetricsLabel).refused(error.code);
  write_log(outcome_of(error.fault));
}

void PeerSession::on_splice_over(SpliceEnd end) {
  or_fail([&] {
    count();
    record_.close = close_word(end.cause);
    record_.error = words_of(end, "destination");
    if (end.cause != SpliceEnd::Cause::kWhole) record_.stage = Stage::kBody;
    services_.metrics.tunnel(kMetricsLabel).closed(outcome_of(end.cause));
    write_log(outcome_of(end.cause));
  });
  over();
}

void PeerSession::count() {
  record_.bytes_in = splice_->bytes_from(Splice::kClient);
  record_.bytes_out = splice_->bytes_from(Splice::kDestination);
  services_.metrics.tunnel(kMetricsLabel)
      .passed(record_.bytes_in - std::exchange(counted_in_, record_.bytes_in),
              record_.bytes_out - std::exchange(counted_out_, record_.bytes_out));
}

// No usage record: the near relay has one, and it knows whose it is.
void PeerSession::write_log(Outcome outcome) {
  record_.outcome = outcome;
  record_.total_ms = milliseconds(services_.clock.now() - asked_at_);
  if (table_->settings().access_log) services_.access_log.write(record_);
  record_ = {};
}

void PeerSession::on_end(bool /*clean*/) { over(); }

void PeerSession::on_failed(Error error) {
  if (phase_ == Phase::kHandshake) {
    services_.metrics.count_refused("peer_handshake");  // anybody can knock
    log::debug("a relay's handshake failed", {{"error", error.detail}});
  }
  over();
}

void PeerSession::drain() {
  if (phase_ == Phase::kHandshake || phase_ == Phase::kWaiting) over();
}

void PeerSession::kill() {
  if (splice_) return splice_->close();
  over();
}

void PeerSession::over() {
  if (phase_ == Phase::kOver) return;
  phase_ = Phase::kOver;
  timer_.stop();
  if (connecting_ != nullptr) services_.loop.retire(std::move(connecting_));
  if (channel_ != nullptr) channel_->mute();
  owner_.peer_over(*this);
}

// Who calls could not tell this session that it ran out of memory.
template <class Step>
void PeerSession::or_fail(Step step) {
  try {
    step();
  } catch (const std::bad_alloc&) {
    log::error("out of memory in a connection of another relay");
    over();
  }
}

}  // namespace culvert
