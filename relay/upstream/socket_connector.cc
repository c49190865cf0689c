// One connection in the making: dialled, then TLS, each leg with its own time limit, measured
// apart.
#include "relay/upstream/socket_connector.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/channel/tcp.h"
#include "relay/channel/tls_channel.h"
#include "relay/crypto/digest.h"
#include "relay/upstream/dial.h"
#include "relay/upstream/peer_dial.h"

#include <algorithm>
#include <charconv>
#include <new>
#include <utility>

namespace culvert {
namespace {

// A secret in a form that may be compared and kept.
std::string fingerprint(const Secret& secret) {
  if (secret.empty()) return {};
  const Digest digest = sha256(secret.reveal());
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

constexpr size_t kTlsConfigs =
    1024;  // of hosts that were talked to; above it the cache starts anew

}  // namespace

// Each request to a pooled connection asks for it.
void ConnectPlan::append_identity(std::string* text) const {
  const auto add = [text](std::string_view part) { text->append(part).push_back('|'); };
  const auto add_number = [&](uint64_t number) {
    char digits[20];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
    add({digits, static_cast<size_t>(end - digits)});
  };
  add(tls ? "tls" : "tcp");
  add(host);
  add_number(port);
  add(server_name);
  add_number(trust == nullptr ? 0 : trust->id());
  add(tls13_only ? "1.3" : "");
  add(partition);
  add(policy == nullptr ? std::string_view() : policy->identity());
  add(bind ? bind->text() : std::string());
  add(fingerprint(egress_proxy));
  add(via);
  if (!via.empty() && far_tls) *text += upstream;
}

std::string ConnectPlan::identity() const {
  std::string text;
  append_identity(&text);
  return text;
}

class SocketConnector::Attempt final : public Connecting,
                                       private DialSink,
                                       private PeerDialSink,
                                       private TlsReadySink,
                                       private ChannelSink {
 public:
  Attempt(SocketConnector& connector, ConnectPlan plan, ConnectSink& sink)
      : connector_(connector),
        plan_(std::move(plan)),
        sink_(sink),
        timer_(connector.loop_, [this] {
          fail(Error::upstream(Code::kConnectTimeout, Stage::kTls, Retry::kOtherUpstream,
                               "the TLS handshake took too long"));
        }) {
    if (plan_.via.empty()) {
      dial_ = std::make_unique<Dial>(connector.loop_, connector.resolver_, connector.clock_,
                                     DialPlan{plan_.host, plan_.port, plan_.policy, plan_.bind,
                                              plan_.resolve_timeout, plan_.connect_timeout},
                                     static_cast<DialSink&>(*this));
    } else {
      peer_dial_ = std::make_unique<PeerDial>(connector.loop_, connector, connector.clock_, plan_,
                                              static_cast<PeerDialSink&>(*this));
    }
  }

  ~Attempt() override {
    if (dial_ != nullptr) connector_.loop_.retire(std::move(dial_));
    if (peer_dial_ != nullptr) connector_.loop_.retire(std::move(peer_dial_));
  }

 private:
  void on_dialled(Fd connection) override {
    note_legs();
    go_on(std::make_unique<TcpChannel>(connector_.loop_, std::move(connection), false), plan_.tls);
  }

  void on_reached(std::unique_ptr<Channel> channel, const Legs& legs) override {
    legs_ = legs;
    go_on(std::move(channel), plan_.tls && !plan_.far_tls);
  }

  void on_not_reached(Error error, const Legs& legs) override {
    legs_ = legs;
    fail(std::move(error));
  }

  void go_on(std::unique_ptr<Channel> to_destination, bool speaks_tls) {
    if (!plan_.preface.empty()) to_destination->write(plan_.preface);
    if (!speaks_tls) {
      channel_ = std::move(to_destination);
      return done();
    }
    auto config = connector_.tls_config(plan_);
    if (!config) return fail(std::move(config).error());
    auto tls = TlsChannel::connect(connector_.loop_, connector_.handshakes_,
                                   std::move(to_destination),
                                   std::move(config).value(), plan_.server_name, this,
                                   !plan_.full_handshake);
    if (!tls) return fail(std::move(tls).error());
    tls_ = tls->get();
    channel_ = std::move(tls).value();
    tls_started_ = connector_.clock_.now();
    timer_.start(plan_.tls_timeout);
    channel_->start(*this);
  }

  void on_not_dialled(Error error) override {
    note_legs();
    fail(std::move(error));
  }

  // Whoever calls could not tell this attempt that its handling ran out of memory.
  void on_tls_ready() override {
    try {
      legs_.tls = connector_.clock_.now() - tls_started_;
      legs_.session_resumed = tls_->resumed();
      legs_.certificate_expires_at = tls_->peer_expires_at();
      channel_->pause();  // what an upstream says unasked waits for its taker
      done();
    } catch (const std::bad_alloc&) {
      fail(Error::ours(Code::kOutOfMemory, Stage::kTls, "out of memory"));
    }
  }

  void note_legs() {
    legs_.resolve = dial_->resolve_took();
    legs_.connect = dial_->connect_took();
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
    legs_.certificate_expires_at = tls_->peer_expires_at();
    fail(std::move(error));
  }

  void done() {
    timer_.stop();
    channel_->mute();
    sink_.on_connection({std::move(channel_), plan_.identity(), legs_});
  }

  void fail(Error error) {
    timer_.stop();
    if (tls_ != nullptr) legs_.tls = connector_.clock_.now() - tls_started_;
    if (channel_ != nullptr) channel_->mute();
    if (error.stage == Stage::kNone) error.stage = Stage::kTls;
    sink_.on_no_connection(std::move(error), legs_);
  }

  SocketConnector& connector_;
  const ConnectPlan plan_;
  ConnectSink& sink_;
  Legs legs_;
  std::unique_ptr<Dial> dial_;           // one of the two
  std::unique_ptr<PeerDial> peer_dial_;
  Instant tls_started_;
  std::unique_ptr<Channel> channel_;
  TlsChannel* tls_ = nullptr;
  Timer timer_;
};

// A connection that nobody waits for yet.
class SocketConnector::Spare final : public Retirable, private ConnectSink {
 public:
  Spare(SocketConnector& connector, const ConnectPlan& plan)
      : connector_(connector),
        identity_(plan.identity()),
        connecting_(connector.connect(plan, *this)) {}
  ~Spare() override {
    if (connecting_ != nullptr) connector_.loop_.retire(std::move(connecting_));
  }
  const std::string& identity() const { return identity_; }

 private:
  void on_connection(Connection connection) override {
    connection_ = std::move(connection);  // where memory runs out it ends with this
    try {
      connector_.pool_.give_back(std::move(connection_));
    } catch (const std::bad_alloc&) {
      log::error("out of memory while a spare connection was kept");
    }
    connector_.spare_over(*this);
  }
  void on_no_connection(Error /*error*/, const Legs& /*legs*/) override {
    connector_.spare_over(*this);
  }

  SocketConnector& connector_;
  const std::string identity_;
  Connection connection_;
  std::unique_ptr<Connecting> connecting_;
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
  asked_.clear();
  plan.append_identity(&asked_);
  auto connection = pool_.take(asked_);
  if (connection) connection->legs = {.reused = true};
  return connection;
}

std::unique_ptr<Connecting> SocketConnector::connect(const ConnectPlan& plan, ConnectSink& sink) {
  return std::make_unique<Attempt>(*this, plan, sink);
}

void SocketConnector::give_back(Connection&& connection) { pool_.give_back(std::move(connection)); }

void SocketConnector::keep_spare(const ConnectPlan& plan) {
  const std::string identity = plan.identity();
  const auto opening = std::count_if(spares_.begin(), spares_.end(), [&](const auto& spare) {
    return spare->identity() == identity;
  });
  const size_t there = pool_.waiting(identity) + static_cast<size_t>(opening);
  if (there >= limits::kPeerSpare || spares_.size() >= limits::kPeerSpareInAll) return;
  spares_.push_back(std::make_unique<Spare>(*this, plan));
}

void SocketConnector::drop_spares() {
  for (auto& spare : std::exchange(spares_, {})) loop_.retire(std::move(spare));
}

void SocketConnector::spare_over(Spare& spare) {
  const auto found = std::find_if(spares_.begin(), spares_.end(),
                                  [&](const auto& one) { return one.get() == &spare; });
  if (found == spares_.end()) return;
  loop_.retire(std::move(*found));
  spares_.erase(found);
}

Result<std::shared_ptr<TlsClientConfig>> SocketConnector::tls_config(const ConnectPlan& plan) {
  if (plan.tls_config != nullptr) return plan.tls_config;
  const std::string identity = plan.identity();
  if (const auto found = tls_.find(identity); found != tls_.end()) return found->second;
  if (tls_.size() >= kTlsConfigs) tls_.clear();
  auto made =
      CULVERT_TRY(TlsClientConfig::create({.trust = plan.trust, .tls13_only = plan.tls13_only}));
  tls_.emplace(identity, made);
  return made;
}

}  // namespace culvert
