// TLS of our own on both sides over loopback TCP: who is trusted, how streams end, tickets, pauses,
// and connections that end while a handshake step runs. Other peers are met in tests/integration.
#include "relay/channel/tls_channel.h"

#include "relay/base/limits.h"
#include "relay/channel/tcp.h"
#include "relay/channel/tls_engine.h"
#include "relay/channel/tls_start.h"
#include "relay/channel/tls_state.h"
#include "tests/fakes/cpp/certificates.h"
#include "tests/fakes/cpp/run_until.h"
#include "tests/fakes/cpp/sockets.h"
#include "tests/unit/channel/tls_end.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>

namespace culvert {
namespace {

using test::Certificates;
using test::End;
using test::run_until;

std::shared_ptr<const TrustStore> trust(const char* file = "ca.pem") {
  auto store = TrustStore::parse(Certificates::all().pem(file), "");
  EXPECT_TRUE(store);
  return std::move(store).value();
}

std::shared_ptr<const TlsServerConfig> server_config(const std::vector<const char*>& leaves,
                                                     bool tls12 = false) {
  std::vector<CertificatePem> certificates;
  for (const char* name : leaves) certificates.push_back(Certificates::all().leaf(name));
  auto config = TlsServerConfig::create(certificates, std::move(TicketKeys::create()).value());
  EXPECT_TRUE(config) << config.error().detail;
  if (tls12) {
    auto& raw = const_cast<mbedtls_ssl_config&>((*config)->state().config);
    mbedtls_ssl_conf_max_tls_version(&raw, MBEDTLS_SSL_VERSION_TLS1_2);
  }
  return std::move(config).value();
}

std::shared_ptr<TlsClientConfig> client_config(std::shared_ptr<const TrustStore> store = trust()) {
  auto config = TlsClientConfig::create({.trust = std::move(store), .tls13_only = false});
  EXPECT_TRUE(config);
  return std::move(config).value();
}

class Tls : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(start_tls()); }

  void connect(const std::shared_ptr<const TlsServerConfig>& server_side,
               const std::shared_ptr<TlsClientConfig>& client_side,
               const std::string& name = "localhost",
               bool watch_vanishing = false) {
    auto [at_server, at_client] = test::tcp_pair();
    test::set_nonblocking(at_client);
    server = std::make_unique<End>();
    client = std::make_unique<End>();
    server->channel = std::make_unique<TlsChannel>(
        loop, pool, std::make_unique<TcpChannel>(loop, std::move(at_server), watch_vanishing),
        server_side, &server->flag);
    auto made = TlsChannel::connect(loop, pool,
                                    std::make_unique<TcpChannel>(loop, std::move(at_client), false),
                                    client_side, name, &client->flag);
    ASSERT_TRUE(made) << made.error().detail;
    client->channel = std::move(made).value();
    server->channel->start(server->sink);
    client->channel->start(client->sink);
  }

  bool shake_hands() {
    return run_until(loop, [&] { return server->flag.ready && client->flag.ready; });
  }

  // Until the client is refused or has refused; returns its reason.
  Error refusal() {
    EXPECT_TRUE(run_until(loop, [&] { return client->sink.failures > 0 || client->flag.ready; }));
    EXPECT_FALSE(client->flag.ready);
    return client->sink.failed.value_or(Error{});
  }

  void exchange(const std::string& up, const std::string& down) {
    const size_t had = client->sink.bytes.size();
    client->channel->write(up);
    server->channel->write(down);
    EXPECT_TRUE(run_until(loop, [&] {
      return server->sink.bytes.ends_with(up) && client->sink.bytes.size() == had + down.size();
    }));
    EXPECT_TRUE(client->sink.bytes.ends_with(down));
  }

  // The loop outlives the pool's threads, as in a worker.
  Loop loop;
  HandshakePool pool{2, 64};
  std::unique_ptr<End> server;
  std::unique_ptr<End> client;
};

TEST_F(Tls, CarriesBytesBothWays) {
  connect(server_config({"good"}), client_config());
  ASSERT_TRUE(shake_hands());
  exchange("question", "answer");
  exchange(std::string(100000, 'q'), std::string(200000, 'a'));
  EXPECT_FALSE(client->channel->resumed());
}

TEST_F(Tls, MakesOneRecordOfWhatOneEventWrote) {
  connect(server_config({"good"}), client_config());
  ASSERT_TRUE(shake_hands());
  server->sink.then = [&] {
    server->channel->write("head ");
    server->channel->write("and body");
  };
  client->channel->write("request");
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.bytes == "head and body"; }));
  EXPECT_EQ(client->sink.reads, 1);
}

TEST_F(Tls, SendsWhatWasWrittenBeforeTheHandshakeWasDone) {
  connect(server_config({"good"}), client_config());
  client->channel->write("early ");
  client->channel->write("bird");
  EXPECT_EQ(client->channel->queued(), 10U);
  EXPECT_TRUE(run_until(loop, [&] { return server->sink.bytes == "early bird"; }));
}

TEST_F(Tls, SpeaksTls12) {
  connect(server_config({"good"}, true), client_config());
  ASSERT_TRUE(shake_hands());
  exchange("question", "answer");
}

// What rests forgets buffers, with the number of the next record in them, and wakes by itself.
TEST_F(Tls, GoesOnAfterARest) {
  for (const bool tls12 : {false, true}) {
    connect(server_config({"good"}, tls12), client_config());
    ASSERT_TRUE(shake_hands());
    for (int i = 0; i < 3; ++i) {
      exchange("question", std::string(20000, 'a'));
      for (End* end : {client.get(), server.get()}) {
        end->channel->rest();
        end->channel->rest();
      }
    }
    exchange("question", "answer");
    client->channel->rest();
    server->channel->rest();
    client->channel->finish(Channel::Finish::kClean);
    ASSERT_TRUE(run_until(loop, [&] { return server->sink.ends > 0; }));
    EXPECT_TRUE(server->sink.clean);
  }
}

// What is read lies in the buffer that would rest.
TEST_F(Tls, RestsAndWritesWhileItReads) {
  for (const bool tls12 : {false, true}) {
    connect(server_config({"good"}, tls12), client_config());
    ASSERT_TRUE(shake_hands());
    server->sink.then = [&] {
      server->channel->rest();
      server->channel->write("got it");
    };
    const std::string all(50000, 'q');
    client->channel->write(all);
    ASSERT_TRUE(run_until(loop, [&] { return server->sink.bytes == all; }));
    const size_t answers = server->sink.reads * std::string_view("got it").size();
    ASSERT_TRUE(run_until(loop, [&] { return client->sink.bytes.size() == answers; }));
  }
}

TEST_F(Tls, TakesUpTheSessionOfAConnectionThatRested) {
  const auto to = server_config({"good"});
  const auto from = client_config();
  connect(to, from);
  ASSERT_TRUE(shake_hands());
  exchange("question", "answer");
  server->channel->rest();
  exchange("another", "answer");
  connect(to, from);
  ASSERT_TRUE(shake_hands());
  EXPECT_TRUE(client->channel->resumed());
}

TEST_F(Tls, TakesAnRsaCertificate) {
  connect(server_config({"rsa"}), client_config());
  ASSERT_TRUE(shake_hands());
  exchange("question", "answer");
}

TEST_F(Tls, ChoosesTheCertificateByName) {
  connect(server_config({"good", "other"}), client_config(), "other.example");
  EXPECT_TRUE(shake_hands());
  connect(server_config({"good", "other"}), client_config(), "a.wild.example");
  EXPECT_TRUE(shake_hands());
}

TEST_F(Tls, HoldsAnAddressAgainstTheCertificate) {
  connect(server_config({"good"}), client_config(), "127.0.0.1");
  EXPECT_TRUE(shake_hands());
  connect(server_config({"good"}), client_config(), "127.0.0.9");
  EXPECT_EQ(refusal().code, Code::kTlsFailed);
}

TEST_F(Tls, RefusesACertificateOfAnotherName) {
  for (const char* name : {"elsewhere.example", "a.b.wild.example", "wild.example"}) {
    connect(server_config({"good"}), client_config(), name);
    const Error error = refusal();
    EXPECT_EQ(error.code, Code::kTlsFailed);
    EXPECT_EQ(error.stage, Stage::kTls);
    EXPECT_NE(error.detail.find("certificate"), std::string::npos) << error.detail;
  }
}

TEST_F(Tls, RefusesAnAuthorityThatItDoesNotKnow) {
  connect(server_config({"untrusted"}), client_config());
  EXPECT_EQ(refusal().code, Code::kTlsFailed);
  connect(server_config({"good"}), client_config(trust("stranger.pem")));
  EXPECT_EQ(refusal().code, Code::kTlsFailed);
  EXPECT_TRUE(run_until(loop, [&] { return server->sink.failures > 0; }));
}

TEST_F(Tls, RefusesACertificateThatHasExpired) {
  const auto& files = Certificates::all();
  const std::string command = "python3 tests/fakes/cpp/expired_server.py " +
                              files.path("expired.pem") + " " + files.path("expired.key");
  FILE* program = ::popen(command.c_str(), "r");
  ASSERT_NE(program, nullptr);
  int port = 0;
  ASSERT_EQ(std::fscanf(program, "%d", &port), 1);
  Fd fd = test::connect_to(static_cast<uint16_t>(port));
  test::set_nonblocking(fd);
  client = std::make_unique<End>();
  client->channel =
      std::move(TlsChannel::connect(loop, pool,
                                    std::make_unique<TcpChannel>(loop, std::move(fd), false),
                                    client_config(), "localhost", &client->flag))
          .value();
  client->channel->start(client->sink);
  const Error error = refusal();
  EXPECT_EQ(error.code, Code::kTlsFailed);
  EXPECT_NE(error.detail.find("expired"), std::string::npos) << error.detail;
  client.reset();
  ::pclose(program);
}

TEST_F(Tls, DoesNotServeWithABadCertificate) {
  const auto made = [](CertificatePem pem) {
    return TlsServerConfig::create({std::move(pem)}, std::move(TicketKeys::create()).value());
  };
  const auto& files = Certificates::all();
  EXPECT_NE(made(files.leaf("expired")).error().detail.find("expired"), std::string::npos);
  CertificatePem mixed = files.leaf("good");
  mixed.key = files.pem("foreign_key.key");
  EXPECT_NE(made(mixed).error().detail.find("does not belong"), std::string::npos);
  EXPECT_FALSE(made({"x", "not a certificate", "not a key"}));
  EXPECT_FALSE(TlsServerConfig::create({}, std::move(TicketKeys::create()).value()));
  EXPECT_FALSE(TrustStore::parse("nothing", ""));
}

TEST_F(Tls, TrustsNobodyWithoutCertificatesOfAuthorities) {
  const auto nobody = TrustStore::parse("", "");
  ASSERT_TRUE(nobody);
  EXPECT_EQ((*nobody)->size(), 0U);
  connect(server_config({"good"}), client_config(*nobody));
  EXPECT_FALSE(shake_hands());
}

TEST_F(Tls, RefusesWhatIsNoTls) {
  connect(server_config({"good"}), client_config());
  ASSERT_TRUE(shake_hands());
  auto [at_server, peer] = test::tcp_pair();
  End end;
  end.channel = std::make_unique<TlsChannel>(
      loop, pool, std::make_unique<TcpChannel>(loop, std::move(at_server), true),
      server_config({"good"}), &end.flag);
  end.channel->start(end.sink);
  test::send_all(peer, "GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(run_until(loop, [&] { return end.sink.failures == 1; }));
  EXPECT_EQ(end.sink.failed->fault, Fault::kClient);
}

TEST_F(Tls, TellsACleanEndFromACut) {
  for (const bool clean : {true, false}) {
    connect(server_config({"good"}), client_config());
    ASSERT_TRUE(shake_hands());
    server->channel->write("body");
    server->channel->finish(clean ? Channel::Finish::kClean : Channel::Finish::kCut);
    ASSERT_TRUE(run_until(loop, [&] { return client->sink.ends == 1; }));
    EXPECT_EQ(client->sink.bytes, "body");
    EXPECT_EQ(client->sink.clean, clean);
    EXPECT_EQ(client->sink.failures, 0);
  }
}

TEST_F(Tls, FinishesWhatWasAskedForBeforeTheHandshakeWasDone) {
  connect(server_config({"good"}), client_config());
  client->channel->write("all of it");
  client->channel->finish(Channel::Finish::kClean);
  ASSERT_TRUE(run_until(loop, [&] { return server->sink.ends == 1; }));
  EXPECT_EQ(server->sink.bytes, "all of it");
  EXPECT_TRUE(server->sink.clean);
}

TEST_F(Tls, FailsWhenThePeerLeavesDuringTheHandshake) {
  connect(server_config({"good"}), client_config());
  server.reset();
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.failures == 1; }));
  EXPECT_EQ(client->sink.failed->code, Code::kTlsFailed);
  EXPECT_EQ(client->sink.failed->stage, Stage::kTls);
}

TEST_F(Tls, TakesUpASessionOnce) {
  for (const bool tls12 : {false, true}) {
    const auto server_side = server_config({"good"}, tls12);
    const auto client_side = client_config();
    connect(server_side, client_side);
    ASSERT_TRUE(shake_hands());
    exchange("first", "answer");
    EXPECT_FALSE(client->channel->resumed());
    connect(server_side, client_side);
    ASSERT_TRUE(shake_hands());
    EXPECT_TRUE(client->channel->resumed()) << (tls12 ? "TLS 1.2" : "TLS 1.3");
    exchange("second", "answer");
  }
}

TEST_F(Tls, DoesAFullHandshakeWhereTheTicketsKeysAreNew) {
  const auto client_side = client_config();
  connect(server_config({"good"}), client_side);
  ASSERT_TRUE(shake_hands());
  exchange("first", "answer");
  connect(server_config({"good"}), client_side);
  ASSERT_TRUE(shake_hands());
  EXPECT_FALSE(client->channel->resumed());
  exchange("second", "answer");
}

// Every pause comes after one record; what was read of the socket and not decrypted yet has no
// event of its own to come back by.
TEST_F(Tls, ResumesWithRecordsThatWereReadButNotDecrypted) {
  connect(server_config({"good"}), client_config());
  ASSERT_TRUE(shake_hands());
  client->sink.then = [&] { client->channel->pause(); };
  std::string sent;
  for (char record = 'a'; record <= 'j'; ++record) {
    server->channel->write(std::string(1000, record));
    sent += std::string(1000, record);
  }
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.reads == 1; }));
  test::settle(loop);
  EXPECT_EQ(client->sink.reads, 1);
  for (int rounds = 1; client->sink.bytes.size() < sent.size(); ++rounds) {
    const int reads = client->sink.reads;
    client->channel->resume();
    EXPECT_EQ(client->sink.reads, reads) << "called from inside resume()";
    ASSERT_TRUE(run_until(loop, [&] { return client->sink.reads > reads; }));
  }
  EXPECT_EQ(client->sink.bytes, sent);
}

TEST_F(Tls, TellsTheEndOnlyAfterWhatWasPaused) {
  connect(server_config({"good"}), client_config());
  ASSERT_TRUE(shake_hands());
  client->channel->pause();
  server->channel->write("body");
  server->channel->finish(Channel::Finish::kClean);
  test::settle(loop);
  EXPECT_EQ(client->sink.reads + client->sink.ends, 0);
  client->channel->resume();
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.ends == 1; }));
  EXPECT_EQ(client->sink.bytes, "body");
  EXPECT_TRUE(client->sink.clean);
}

TEST_F(Tls, NoticesAClientThatVanishedWhilePaused) {
  connect(server_config({"good"}), client_config(), "localhost", true);
  ASSERT_TRUE(shake_hands());
  server->channel->pause();
  client.reset();
  ASSERT_TRUE(run_until(loop, [&] { return server->sink.ends + server->sink.failures > 0; }));
}

TEST_F(Tls, FailsOnAHandshakeThatBeginsWrongly) {
  auto [at_server, peer] = test::tcp_pair();
  End end;
  end.channel = std::make_unique<TlsChannel>(
      loop, pool, std::make_unique<TcpChannel>(loop, std::move(at_server), true),
      server_config({"good"}), &end.flag);
  end.channel->start(end.sink);
  test::send_all(peer, std::string("\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9));
  ASSERT_TRUE(run_until(loop, [&] { return end.sink.failures == 1; }));
}

// At every number of turns of the loop after the start, whatever state the handshake has reached.
TEST_F(Tls, IsDestroyedAtAnyMomentOfTheHandshake) {
  const auto server_side = server_config({"good"});
  for (int turns = 0; turns < 12; ++turns) {
    connect(server_side, client_config());
    for (int i = 0; i < turns; ++i) uv_run(loop.raw(), UV_RUN_NOWAIT);
    (turns % 2 == 0 ? client : server).reset();
    test::settle(loop);
    client.reset();
    server.reset();
    test::settle(loop);
  }
}

// More than the high-water mark waits for the handshake, and goes out at once after it.
TEST_F(Tls, TellsThatWhatWaitedForTheHandshakeHasGone) {
  connect(server_config({"good"}), client_config());
  client->channel->write(std::string(limits::kHighWater + 1, 'x'));
  EXPECT_GT(client->channel->queued(), limits::kHighWater);
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.drained == 1; }));
  EXPECT_LE(client->channel->queued(), limits::kHighWater);
  ASSERT_TRUE(run_until(loop, [&] { return server->sink.bytes.size() == limits::kHighWater + 1; }));
  EXPECT_EQ(client->sink.drained, 1);
}

TEST_F(Tls, IsNotQuietWithRecordsThatAreNotDecrypted) {
  connect(server_config({"good"}), client_config());
  ASSERT_TRUE(shake_hands());
  exchange("question", "answer");
  EXPECT_TRUE(client->channel->quiet());
  client->sink.then = [&] { client->channel->pause(); };
  server->channel->write(std::string(40000, 'r'));  // several records, of one read of the socket
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.bytes.ends_with("rr"); }));
  EXPECT_LT(client->sink.bytes.size(), 40000U);
  EXPECT_FALSE(client->channel->quiet());
}

TEST_F(Tls, IsSilentOnceMuted) {
  connect(server_config({"good"}), client_config());
  ASSERT_TRUE(shake_hands());
  client->channel->mute();
  server->channel->write("unheard");
  server->channel->finish(Channel::Finish::kClean);
  test::settle(loop);
  EXPECT_EQ(client->sink.reads + client->sink.ends + client->sink.failures, 0);
}

TEST(HandshakePool, RefusesWhatIsTooMuchAndLeavesTheEngine) {
  ASSERT_TRUE(start_tls());
  Loop loop;
  HandshakePool pool(1, 0);
  auto engine = std::move(TlsEngine::client(client_config(), "localhost")).value();
  EXPECT_FALSE(pool.submit(loop, engine, std::make_shared<HandshakeTicket>()));
  EXPECT_NE(engine, nullptr);
}

TEST(HandshakePool, IsTooFullForAConnection) {
  ASSERT_TRUE(start_tls());
  Loop loop;
  HandshakePool pool(1, 0);
  auto [ours, peer] = test::tcp_pair();
  End end;
  end.channel =
      std::move(TlsChannel::connect(loop, pool,
                                    std::make_unique<TcpChannel>(loop, std::move(ours), false),
                                    client_config(), "localhost", &end.flag))
          .value();
  end.channel->start(end.sink);
  ASSERT_TRUE(run_until(loop, [&] { return end.sink.failures == 1; }));
  EXPECT_EQ(end.sink.failed->code, Code::kOverloaded);
}

TEST(HandshakePool, DropsWhatWaitsAtItsEnd) {
  ASSERT_TRUE(start_tls());
  Loop loop;
  auto ticket = std::make_shared<HandshakeTicket>();
  {
    HandshakePool pool(1, 100);
    for (int i = 0; i < 50; ++i) {
      auto engine = std::move(TlsEngine::client(client_config(), "localhost")).value();
      EXPECT_TRUE(pool.submit(loop, engine, ticket));
      EXPECT_EQ(engine, nullptr);
    }
  }
  test::settle(loop);  // the ticket has no owner that would take the steps
}

}  // namespace
}  // namespace culvert
