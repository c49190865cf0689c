// Making a connection, leg by leg: names and literal addresses, plain and TLS, refusals with their
// stage, the policy asked for every address, cancelling at any moment, and what counts as the same
// connection.
#include "relay/upstream/socket_connector.h"

#include "relay/channel/tcp.h"
#include "relay/channel/tls_channel.h"
#include "relay/crypto/start.h"
#include "tests/fakes/cpp/certificates.h"
#include "tests/fakes/cpp/recording_sink.h"
#include "tests/fakes/cpp/run_until.h"
#include "tests/fakes/cpp/sockets.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>

namespace culvert {
namespace {

using test::Certificates;
using test::RecordingSink;
using test::run_until;

class Waiting final : public ConnectSink {
 public:
  void on_connection(Connection made) override { connection = std::move(made); }
  void on_no_connection(Error why, const Legs&) override { error = std::move(why); }
  bool over() const { return connection || error; }

  std::optional<Connection> connection;
  std::optional<Error> error;
};

class OnlyPublic final : public AddressPolicy {
 public:
  Result<void> check(const std::string&, const Address& address) const override {
    if (address.text() != "127.0.0.1") return {};
    return Error::client(Code::kForbidden, Stage::kConnect, "not allowed");
  }
  std::string identity() const override { return "public"; }
};

// Accepts on loopback, with TLS where it has a certificate.
class Server final : private AcceptSink, private TlsReadySink {
 public:
  Server(Loop& loop, HandshakePool& pool, const char* leaf = nullptr)
      : loop_(loop), pool_(pool), fd_(std::move(listen_on(test::loopback())).value()) {
    port = test::port_of(fd_.get());
    if (leaf != nullptr) {
      tls_ = TlsServerConfig::create({Certificates::all().leaf(leaf)},
                                     std::move(TicketKeys::create()).value())
                 .value();
    }
    listener_ = std::make_unique<Listener>(loop_, std::move(fd_), static_cast<AcceptSink&>(*this));
  }

  uint16_t port = 0;
  int accepted = 0;
  RecordingSink sink;  // of the newest

 private:
  bool on_accept(Fd connection, const Address&) override {
    ++accepted;
    auto tcp = std::make_unique<TcpChannel>(loop_, std::move(connection), false);
    if (tls_ == nullptr) {
      channels_.push_back(std::move(tcp));
    } else {
      channels_.push_back(std::make_unique<TlsChannel>(loop_, pool_, std::move(tcp), tls_,
                                                       static_cast<TlsReadySink*>(this)));
    }
    channels_.back()->start(sink);
    return true;
  }
  void on_tls_ready() override {}

  Loop& loop_;
  HandshakePool& pool_;
  Fd fd_;
  std::shared_ptr<const TlsServerConfig> tls_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Channel>> channels_;
};

class SocketConnecting : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(start_crypto()); }

  ConnectPlan plan(uint16_t port, bool tls = false) const {
    ConnectPlan made;
    made.tls = tls;
    made.host = "127.0.0.1";
    made.port = port;
    made.server_name = "localhost";
    made.trust = trust;
    made.resolve_timeout = made.connect_timeout = made.tls_timeout = std::chrono::seconds(5);
    return made;
  }
  // Runs until it is made or refused.
  Waiting connect(const ConnectPlan& how) {
    Waiting waiting;
    auto connecting = connector.connect(how, waiting);
    EXPECT_FALSE(waiting.over()) << "told from inside";
    EXPECT_TRUE(run_until(loop, [&] { return waiting.over(); }));
    loop.retire(std::move(connecting));
    test::settle(loop);
    return waiting;
  }

  Loop loop;
  HandshakePool pool{1, 64};
  std::unique_ptr<Resolver> resolver = Resolver::create(loop, {}).value();
  std::shared_ptr<const TrustStore> trust =
      TrustStore::parse(Certificates::all().pem("ca.pem"), "").value();
  SocketConnector connector{loop, pool, *resolver, Clock::system()};
};

TEST_F(SocketConnecting, PlainAndUsedAgain) {
  Server server(loop, pool);
  Waiting made = connect(plan(server.port));
  ASSERT_TRUE(made.connection);
  EXPECT_FALSE(made.connection->legs.reused);
  made.connection->channel->write("hello");
  ASSERT_TRUE(run_until(loop, [&] { return server.sink.bytes == "hello"; }));
  EXPECT_FALSE(connector.reuse(plan(server.port)));
  connector.give_back(std::move(*made.connection));
  auto again = connector.reuse(plan(server.port));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->legs.reused);
  again->channel->write(" again");
  ASSERT_TRUE(run_until(loop, [&] { return server.sink.bytes == "hello again"; }));
  EXPECT_EQ(server.accepted, 1);
}

TEST_F(SocketConnecting, TlsResumesItsSession) {
  Server server(loop, pool, "good");
  {
    Waiting first = connect(plan(server.port, true));
    ASSERT_TRUE(first.connection) << first.error->detail;
    EXPECT_FALSE(first.connection->legs.session_resumed);
    RecordingSink sink;
    first.connection->channel->start(sink);
    first.connection->channel->resume();
    first.connection->channel->write("for the ticket");
    ASSERT_TRUE(run_until(loop, [&] { return server.sink.bytes == "for the ticket"; }));
    test::settle(loop);
    first.connection->channel->mute();
  }
  Waiting second = connect(plan(server.port, true));
  ASSERT_TRUE(second.connection);
  EXPECT_TRUE(second.connection->legs.session_resumed);
  EXPECT_GT(second.connection->legs.tls, Duration::zero());
}

TEST_F(SocketConnecting, RefusesACertificateOfAnotherName) {
  Server server(loop, pool, "other");
  const Waiting refused = connect(plan(server.port, true));
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, Code::kTlsFailed);
  EXPECT_EQ(refused.error->stage, Stage::kTls);
}

TEST_F(SocketConnecting, SaysAtWhichStageItFailed) {
  uint16_t closed = 0;
  {
    const Fd fd = listen_on(test::loopback()).value();
    closed = test::port_of(fd.get());
  }
  const Waiting refused = connect(plan(closed));
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, Code::kConnectFailed);
  EXPECT_EQ(refused.error->stage, Stage::kConnect);
  ConnectPlan nowhere = plan(1);
  nowhere.host = "does-not-exist.invalid";
  nowhere.resolve_timeout = std::chrono::milliseconds(50);
  const Waiting unknown = connect(nowhere);
  ASSERT_TRUE(unknown.error);
  EXPECT_EQ(unknown.error->stage, Stage::kResolve);
}

TEST_F(SocketConnecting, AsksThePolicyForTheAddress) {
  Server server(loop, pool);
  const OnlyPublic policy;
  ConnectPlan inside = plan(server.port);
  inside.policy = &policy;
  const Waiting refused = connect(inside);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, Code::kForbidden);
  EXPECT_EQ(server.accepted, 0);
}

TEST_F(SocketConnecting, LeavesFromTheAddressOfThePlanAndToItsFamily) {
  Server server(loop, pool);
  ConnectPlan bound = plan(server.port);
  bound.bind = Address::parse("127.0.0.5");
  EXPECT_TRUE(connect(bound).connection);
  bound.bind = Address::parse("::1");
  const Waiting refused = connect(bound);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->stage, Stage::kConnect);
  EXPECT_EQ(refused.error->retry, Retry::kOtherKey);
  EXPECT_EQ(server.accepted, 1);
}

TEST_F(SocketConnecting, IsCancelledAtAnyMoment) {
  Server server(loop, pool, "good");
  for (int rounds = 0; rounds < 40; ++rounds) {
    Waiting waiting;
    auto connecting = connector.connect(plan(server.port, true), waiting);
    for (int i = 0; i < rounds && !waiting.over(); ++i) uv_run(loop.raw(), UV_RUN_NOWAIT);
    connecting.reset();
    const bool told = waiting.over();
    test::settle(loop);
    EXPECT_EQ(waiting.over(), told) << "told after it was cancelled";
    waiting.connection.reset();
  }
}

TEST_F(SocketConnecting, EveryAttributeOfSecurityMakesAnotherConnection) {
  const OnlyPublic policy;
  std::set<std::string> identities;
  const auto differs = [&](auto change) {
    ConnectPlan changed = plan(443, true);
    change(changed);
    EXPECT_TRUE(identities.insert(changed.identity()).second) << changed.identity();
  };
  differs([](ConnectPlan&) {});
  differs([](ConnectPlan& p) { p.tls = false; });
  differs([](ConnectPlan& p) { p.host = "127.0.0.2"; });
  differs([](ConnectPlan& p) { p.port = 444; });
  differs([](ConnectPlan& p) { p.server_name = "other"; });
  differs([](ConnectPlan& p) {
    p.trust = TrustStore::parse(Certificates::all().pem("ca.pem"), "").value();
  });
  differs([](ConnectPlan& p) { p.tls13_only = true; });
  differs([](ConnectPlan& p) { p.partition = "tenant"; });
  differs([](ConnectPlan& p) { p.bind = Address::parse("127.0.0.2"); });
  differs([](ConnectPlan& p) { p.egress_proxy = Secret("http://user:secret@proxy:3128"); });
  differs([](ConnectPlan& p) { p.egress_proxy = Secret("http://user:other@proxy:3128"); });
  for (const std::string& identity : identities) {
    EXPECT_EQ(identity.find("secret"), std::string::npos);
  }
  differs([&](ConnectPlan& p) { p.policy = &policy; });
  ConnectPlan slower = plan(443, true);
  slower.connect_timeout = std::chrono::seconds(9);
  EXPECT_EQ(slower.identity(), plan(443, true).identity());
}

}  // namespace
}  // namespace culvert
