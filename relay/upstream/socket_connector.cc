// One connection in the making: resolve → connect → TLS, each with its own time limit, measured
// apart.
#include "relay/upstream/socket_connector.h"

#include "relay/base/limits.h"
#include "relay/channel/race.h"
#include "relay/channel/tcp.h"
#include "relay/channel/timer.h"
#include "relay/channel/tls_channel.h"

#include <fmt/format.h>

#include <new>

namespace culvert {
namespace {

constexpr size_t kTlsConfigs =
    1024;  // of hosts that were talked to; above it the cache starts anew

Error timed_out(Stage stage, std::string_view what) {
  return Error::upstream(Code::kConnectTimeout, stage, Retry::kOtherUpstream,
                         std::string(what) + " took too long");
}

}  // namespace

std::string ConnectPlan::identity() const {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", tls ? "tls" : "tcp", host, port, server_name,
                     trust == nullptr ? 0 : trust->id(), tls13_only, partition,
                     policy == nullptr ? std::string() : policy->identity());
}

class SocketConnector::Attempt final : public Connecting,
                                       private ResolveSink,
                                       private RaceSink,
                                       private TlsReadySink,
                                       private ChannelSink {
 public:
  Attempt(SocketConnector& connector, ConnectPlan plan, ConnectSink& sink)
      : connector_(connector),
        plan_(std::move(plan)),
        sink_(sink),
        timer_(connector.loop_, [this] { on_timer(); }) {
    stage_started_ = connector_.clock_.now();
    if (auto known = connector_.resolver_.cached(plan_.host)) {
      known_ = std::move(known);
      timer_.start(Duration::zero());  // never from inside connect()
      return;
    }
    timer_.start(plan_.resolve_timeout);
    lookup_ = connector_.resolver_.lookup(plan_.host, *this);
    if (lookup_ == nullptr) {
      known_ = Result<Addresses>(
          Error::ours(Code::kOverloaded, Stage::kResolve, "too many DNS lookups wait"));
      timer_.start(Duration::zero());
    }
  }

  ~Attempt() override {
    if (race_ != nullptr) connector_.loop_.retire(std::move(race_));
  }

 private:
  void on_timer() {
    if (known_) return on_resolved(*std::exchange(known_, std::nullopt));
    switch (stage_) {
      case Stage::kResolve:
        return fail(timed_out(stage_, "resolving the name"));
      case Stage::kConnect:
        return fail(timed_out(stage_, "connecting"));
      default:
        return fail(timed_out(stage_, "the TLS handshake"));
    }
  }

  void on_resolved(Result<Addresses> addresses) override {
    or_fail([&] { go_on(std::move(addresses)); });
  }
  void on_connected(Fd connection, const Address& /*peer*/) override {
    or_fail([&] { go_on(std::move(connection)); });
  }
  void on_tls_ready() override {
    or_fail([&] { go_on(); });
  }

  // Whoever calls could not tell this attempt that its handling ran out of memory.
  template <class Step>
  void or_fail(Step step) {
    try {
      step();
    } catch (const std::bad_alloc&) {
      fail(Error::ours(Code::kOutOfMemory, stage_, "out of memory"));
    }
  }

  void go_on(Result<Addresses> addresses) {
    legs_.resolve = next_stage(Stage::kConnect);
    if (!addresses) return fail(std::move(addresses).error());
    Addresses allowed;
    Result<void> refusal;
    for (const Address& address : *addresses) {
      if (plan_.policy != nullptr) {
        auto verdict = plan_.policy->check(plan_.host, address);
        if (!verdict) {
          refusal = std::move(verdict);
          continue;
        }
      }
      allowed.push_back(address);
    }
    if (allowed.empty()) return fail(std::move(refusal).error());
    timer_.start(plan_.connect_timeout);
    race_ = std::make_unique<Race>(connector_.loop_, std::move(allowed), plan_.port,
                                   static_cast<RaceSink&>(*this));
  }

  void go_on(Fd connection) {
    legs_.connect = next_stage(Stage::kTls);
    auto tcp = std::make_unique<TcpChannel>(connector_.loop_, std::move(connection), false);
    if (!plan_.tls) {
      channel_ = std::move(tcp);
      return done();
    }
    auto config = connector_.tls_config(plan_);
    if (!config) return fail(std::move(config).error());
    auto tls = TlsChannel::connect(connector_.loop_, connector_.handshakes_, std::move(tcp),
                                   std::move(config).value(), plan_.server_name, this);
    if (!tls) return fail(std::move(tls).error());
    tls_ = tls->get();
    channel_ = std::move(tls).value();
    timer_.start(plan_.tls_timeout);
    channel_->start(*this);
  }

  void on_not_connected(Error error) override { fail(std::move(error)); }

  void go_on() {
    legs_.tls = next_stage(Stage::kNone);
    legs_.session_resumed = tls_->resumed();
    channel_->pause();  // what an upstream says unasked waits for its taker
    done();
  }

  // Before the handshake is done nothing else can come.
  void on_bytes(std::string_view) override {}
  void on_drained() override {}
  void on_end(bool) override {
    fail(Error::upstream(Code::kTlsFailed, Stage::kTls, Retry::kOtherUpstream, "closed"));
  }
  void on_failed(Error error) override {
    error.stage = Stage::kTls;
    if (error.code == Code::kUpstreamClosed) error.code = Code::kTlsFailed;
    error.retry = Retry::kOtherUpstream;
    fail(std::move(error));
  }

  Duration next_stage(Stage stage) {
    const Instant now = connector_.clock_.now();
    const Duration took = now - stage_started_;
    stage_started_ = now;
    stage_ = stage;
    return took;
  }

  void done() {
    timer_.stop();
    channel_->mute();
    sink_.on_connection({std::move(channel_), plan_.identity(), legs_});
  }

  void fail(Error error) {
    timer_.stop();
    if (channel_ != nullptr) channel_->mute();
    if (stage_ != Stage::kNone && error.stage == Stage::kNone) error.stage = stage_;
    sink_.on_no_connection(std::move(error), legs_);
  }

  SocketConnector& connector_;
  const ConnectPlan plan_;
  ConnectSink& sink_;
  Stage stage_ = Stage::kResolve;
  Instant stage_started_;
  Legs legs_;
  std::optional<Result<Addresses>> known_;
  std::unique_ptr<Resolver::Lookup> lookup_;
  std::unique_ptr<Race> race_;
  std::unique_ptr<Channel> channel_;
  TlsChannel* tls_ = nullptr;
  Timer timer_;
};

SocketConnector::SocketConnector(Loop& loop,
                                 HandshakePool& handshakes,
                                 Resolver& resolver,
                                 const Clock& clock)
    : loop_(loop),
      handshakes_(handshakes),
      resolver_(resolver),
      clock_(clock),
      pool_(loop, clock, limits::kPooledPerUpstream, limits::kPooledInAll) {}

SocketConnector::~SocketConnector() = default;

std::optional<Connection> SocketConnector::reuse(const ConnectPlan& plan) {
  auto connection = pool_.take(plan.identity());
  if (connection) connection->legs = {.reused = true};
  return connection;
}

std::unique_ptr<Connecting> SocketConnector::connect(const ConnectPlan& plan, ConnectSink& sink) {
  return std::make_unique<Attempt>(*this, plan, sink);
}

void SocketConnector::give_back(Connection&& connection) {
  pool_.give_back(std::move(connection));
}

Result<std::shared_ptr<TlsClientConfig>> SocketConnector::tls_config(const ConnectPlan& plan) {
  const std::string identity = plan.identity();
  if (const auto found = tls_.find(identity); found != tls_.end()) return found->second;
  if (tls_.size() >= kTlsConfigs) tls_.clear();
  auto made =
      CULVERT_TRY(TlsClientConfig::create({.trust = plan.trust, .tls13_only = plan.tls13_only}));
  tls_.emplace(identity, made);
  return made;
}

}  // namespace culvert
