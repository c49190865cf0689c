// TLS inside TLS over loopback TCP, as a relay speaks with an upstream inside its connection to
// another relay: bytes, pressure, and how the inner stream tells ends and failures of the outer.
#include "relay/base/limits.h"
#include "relay/channel/tcp.h"
#include "relay/channel/tls_channel.h"
#include "relay/crypto/start.h"
#include "tests/fakes/cpp/certificates.h"
#include "tests/fakes/cpp/run_until.h"
#include "tests/fakes/cpp/sockets.h"
#include "tests/unit/channel/tls_end.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <new>
#include <string>

namespace culvert {
namespace {

using test::Certificates;
using test::End;
using test::run_until;

std::shared_ptr<const TlsServerConfig> server_config(const char* leaf) {
  return std::move(TlsServerConfig::create({Certificates::all().leaf(leaf)},
                                           std::move(TicketKeys::create()).value()))
      .value();
}

std::shared_ptr<TlsClientConfig> client_config() {
  auto trust = TrustStore::parse(Certificates::all().pem("ca.pem"), "");
  return std::move(TlsClientConfig::create({.trust = std::move(trust).value()})).value();
}

// So that a few MiB are more than the kernel takes.
void shrink_buffers(const Fd& fd) {
  const int size = 128 * 1024;
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

class NestedTls : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(start_crypto()); }

  std::unique_ptr<TlsChannel> accept(std::unique_ptr<Channel> carrier,
                                     const char* leaf,
                                     TlsReadySink* ready) {
    return std::make_unique<TlsChannel>(loop, pool, std::move(carrier), server_config(leaf), ready);
  }
  std::unique_ptr<TlsChannel> dial(std::unique_ptr<Channel> carrier,
                                   const std::string& name,
                                   TlsReadySink* ready) {
    return std::move(
               TlsChannel::connect(loop, pool, std::move(carrier), client_config(), name, ready))
        .value();
  }

  // The outer connection, open, muted and paused at both ends, as a connector hands it over.
  void connect_outer(bool watch_vanishing = false) {
    auto [at_server, at_client] = test::tcp_pair();
    test::set_nonblocking(at_client);
    shrink_buffers(at_server);
    shrink_buffers(at_client);
    outer_server = std::make_unique<End>();
    outer_client = std::make_unique<End>();
    outer_server->channel =
        accept(std::make_unique<TcpChannel>(loop, std::move(at_server), watch_vanishing), "other",
               &outer_server->flag);
    outer_client->channel = dial(std::make_unique<TcpChannel>(loop, std::move(at_client), false),
                                 "other.example", &outer_client->flag);
    for (End* end : {outer_server.get(), outer_client.get()}) end->channel->start(end->sink);
    ASSERT_TRUE(
        run_until(loop, [&] { return outer_server->flag.ready && outer_client->flag.ready; }));
    for (End* end : {outer_server.get(), outer_client.get()}) {
      end->channel->pause();
      end->channel->mute();
    }
  }
  // The inner one over it.
  void connect_inner(const std::string& name = "localhost") {
    server = std::make_unique<End>();
    client = std::make_unique<End>();
    below_server = outer_server->channel.get();
    below_client = outer_client->channel.get();
    server->channel = accept(std::move(outer_server->channel), "good", &server->flag);
    client->channel = dial(std::move(outer_client->channel), name, &client->flag);
    server->channel->start(server->sink);
    client->channel->start(client->sink);
  }
  void connect(bool watch_vanishing = false) {
    connect_outer(watch_vanishing);
    connect_inner();
    ASSERT_TRUE(run_until(loop, [&] { return server->flag.ready && client->flag.ready; }));
  }

  void exchange(const std::string& up, const std::string& down) {
    client->channel->write(up);
    server->channel->write(down);
    EXPECT_TRUE(run_until(loop, [&] {
      return server->sink.bytes.ends_with(up) && client->sink.bytes.ends_with(down);
    }));
  }

  Loop loop;
  HandshakePool pool{2, 64};
  std::unique_ptr<End> outer_server;
  std::unique_ptr<End> outer_client;
  TlsChannel* below_server = nullptr;  // the outer ends, once the inner ones own them
  TlsChannel* below_client = nullptr;
  std::unique_ptr<End> server;
  std::unique_ptr<End> client;
};

TEST_F(NestedTls, CarriesBytesBothWays) {
  connect();
  exchange("question", "answer");
  exchange(std::string(100000, 'q') + "?", std::string(200000, 'a') + "!");
  EXPECT_TRUE(client->channel->quiet());
  EXPECT_TRUE(server->channel->quiet());
  EXPECT_EQ(outer_client->sink.reads + outer_server->sink.reads, 0) << "its sink was muted";
}

// Both handshakes are asked for at once, and bytes too.
TEST_F(NestedTls, StartsWithACarrierThatIsNotOpenYet) {
  auto [at_server, at_client] = test::tcp_pair();
  test::set_nonblocking(at_client);
  server = std::make_unique<End>();
  client = std::make_unique<End>();
  server->channel = accept(
      accept(std::make_unique<TcpChannel>(loop, std::move(at_server), false), "other", nullptr),
      "good", &server->flag);
  client->channel = dial(dial(std::make_unique<TcpChannel>(loop, std::move(at_client), false),
                              "other.example", nullptr),
                         "localhost", &client->flag);
  server->channel->start(server->sink);
  client->channel->start(client->sink);
  exchange("question", "answer");
}

// What the peer said before the carrier changed hands waits in it.
TEST_F(NestedTls, FindsWhatCameBeforeTheCarrierWasHandedOver) {
  connect_outer();
  below_client = outer_client->channel.get();
  client = std::make_unique<End>();
  client->channel = dial(std::move(outer_client->channel), "localhost", &client->flag);
  client->channel->start(client->sink);
  client->channel->write("early");
  ASSERT_TRUE(run_until(loop, [&] { return !outer_server->channel->quiet(); }));
  server = std::make_unique<End>();
  server->channel = accept(std::move(outer_server->channel), "good", &server->flag);
  server->channel->start(server->sink);
  ASSERT_TRUE(run_until(loop, [&] { return server->sink.bytes == "early"; }));
}

// A writer that heeds the marks, against a reader that stops after each piece.
TEST_F(NestedTls, HoldsBackAWriterWhoseReaderIsSlow) {
  connect();
  constexpr size_t kAll = 4 * 1024 * 1024;
  constexpr size_t kPiece = 64 * 1024;
  for (const bool upwards : {true, false}) {
    End& writer = upwards ? *client : *server;
    End& reader = upwards ? *server : *client;
    reader.sink.bytes.clear();
    std::string all(kAll, '\0');
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i * 7 + i / 4096);
    size_t sent = 0;
    size_t most_queued = 0;
    const auto fill = [&] {
      while (sent < all.size() && writer.channel->queued() <= limits::kHighWater) {
        writer.channel->write(std::string_view(all).substr(sent, kPiece));
        sent += kPiece;
        most_queued = std::max(most_queued, writer.channel->queued());
      }
    };
    reader.channel->pause();
    fill();
    test::settle(loop);
    EXPECT_LT(sent, kAll) << "the kernel took all of it";
    EXPECT_EQ(writer.sink.drained, 0);
    EXPECT_EQ(reader.sink.bytes.size(), 0U);
    writer.sink.then = fill;  // when it has drained
    reader.sink.then = [&] {
      if (reader.sink.reads % 16 == 0) reader.channel->pause();
    };
    reader.channel->resume();
    ASSERT_TRUE(run_until(loop, [&] {
      reader.channel->resume();
      return reader.sink.bytes.size() == kAll;
    }));
    EXPECT_TRUE(reader.sink.bytes == all);
    EXPECT_GT(writer.sink.drained, 0);
    EXPECT_LT(most_queued, limits::kHighWater + 2 * kPiece);
    reader.sink.then = writer.sink.then = nullptr;
    writer.sink.drained = 0;
  }
}

TEST_F(NestedTls, ResumesWithRecordsThatLieInEitherLayer) {
  connect();
  client->sink.then = [&] { client->channel->pause(); };
  std::string sent;
  for (char record = 'a'; record <= 'j'; ++record) sent += std::string(4000, record);
  server->channel->write(sent);  // several records, of one read of the socket
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.reads == 1; }));
  test::settle(loop);
  EXPECT_EQ(client->sink.reads, 1);
  EXPECT_FALSE(client->channel->quiet());
  while (client->sink.bytes.size() < sent.size()) {
    const int reads = client->sink.reads;
    client->channel->resume();
    EXPECT_EQ(client->sink.reads, reads) << "called from inside resume()";
    ASSERT_TRUE(run_until(loop, [&] { return client->sink.reads > reads; }));
  }
  EXPECT_EQ(client->sink.bytes, sent);
}

TEST_F(NestedTls, EndsOneDirectionAndGoesOnInTheOther) {
  connect();
  client->channel->write("question");
  client->channel->finish(Channel::Finish::kClean);
  ASSERT_TRUE(run_until(loop, [&] { return server->sink.ends == 1; }));
  EXPECT_EQ(server->sink.bytes, "question");
  EXPECT_TRUE(server->sink.clean);
  const std::string answer(300000, 'a');
  server->channel->write(answer);
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.bytes == answer; }));
  EXPECT_EQ(client->sink.ends, 0);
  server->channel->finish(Channel::Finish::kClean);
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.ends == 1; }));
  EXPECT_TRUE(client->sink.clean);
  EXPECT_EQ(server->sink.failures + client->sink.failures, 0);
}

TEST_F(NestedTls, TellsACutFromAnEnd) {
  connect();
  server->channel->write("half");
  server->channel->finish(Channel::Finish::kCut);
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.ends == 1; }));
  EXPECT_EQ(client->sink.bytes, "half");
  EXPECT_FALSE(client->sink.clean);
}

// However the outer stream ends, only the inner one's own close_notify says that it was all.
TEST_F(NestedTls, TakesNoEndOfTheOuterStreamForItsOwn) {
  enum class Outer { kSaysEnd, kCut, kGone, kReset };
  for (const Outer how : {Outer::kSaysEnd, Outer::kCut, Outer::kGone, Outer::kReset}) {
    connect();
    exchange("question", "half");
    if (how == Outer::kSaysEnd) below_server->finish(Channel::Finish::kClean);
    if (how == Outer::kCut) below_server->finish(Channel::Finish::kCut);
    if (how == Outer::kReset) server->channel->reset_on_close();
    if (how == Outer::kGone || how == Outer::kReset) server.reset();
    ASSERT_TRUE(run_until(loop, [&] { return client->sink.ends + client->sink.failures > 0; }));
    EXPECT_FALSE(client->sink.clean);
    EXPECT_EQ(client->sink.failures, how == Outer::kReset ? 1 : 0);
  }
}

TEST_F(NestedTls, FailsWhenTheOuterStreamIsNoTlsAnyMore) {
  connect();
  exchange("question", "half");
  below_server->write("not a record of the inner stream");
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.failures == 1; }));
  EXPECT_EQ(client->sink.ends, 0);
}

TEST_F(NestedTls, RefusesAnUpstreamOfAnotherName) {
  connect_outer();
  connect_inner("elsewhere.example");
  ASSERT_TRUE(
      run_until(loop, [&] { return client->sink.failures == 1 && server->sink.failures == 1; }));
  EXPECT_EQ(client->sink.failed->code, Code::kTlsFailed);
  EXPECT_EQ(client->sink.failed->stage, Stage::kTls);
  EXPECT_NE(client->sink.failed->detail.find("certificate"), std::string::npos);
  EXPECT_FALSE(client->flag.ready);
}

TEST_F(NestedTls, FailsWhenTheOuterStreamEndsDuringTheHandshake) {
  for (const bool reset : {false, true}) {
    connect_outer();
    connect_inner();
    if (reset) below_server->reset_on_close();
    server.reset();
    ASSERT_TRUE(run_until(loop, [&] { return client->sink.failures == 1; }));
    EXPECT_EQ(client->sink.failed->code, Code::kTlsFailed);
    EXPECT_EQ(client->sink.ends, 0);
  }
}

TEST_F(NestedTls, NoticesAPeerThatVanishedWhilePaused) {
  connect(true);
  server->channel->pause();
  client.reset();
  ASSERT_TRUE(run_until(loop, [&] { return server->sink.ends + server->sink.failures > 0; }));
  EXPECT_FALSE(server->sink.clean);
}

// From the socket's event, and from that of a resumption, whichever layer it comes by.
TEST_F(NestedTls, FailsWhereItsReaderRunsOutOfMemory) {
  for (const bool resumed : {false, true}) {
    connect();
    if (resumed) {
      client->sink.then = [&] { client->channel->pause(); };
      server->channel->write(std::string(40000, 'r'));
      ASSERT_TRUE(run_until(loop, [&] { return client->sink.reads == 1; }));
    }
    client->sink.then = [&] {
      if (client->sink.failures == 0) throw std::bad_alloc();
    };
    if (resumed) client->channel->resume();
    if (!resumed) server->channel->write("answer");
    ASSERT_TRUE(run_until(loop, [&] { return client->sink.failures > 0; }));
    test::settle(loop);
    EXPECT_EQ(client->sink.failures, 1);
    EXPECT_EQ(client->sink.failed->code, Code::kOutOfMemory);
    EXPECT_EQ(client->sink.reads, resumed ? 2 : 1);
    EXPECT_EQ(client->sink.ends, 0);
  }
}

// A near relay goes over to the upstream's TLS when the far one has answered, inside of that call.
TEST_F(NestedTls, BeginsInsideOfACallOfItsCarrier) {
  connect_outer();
  server = std::make_unique<End>();
  client = std::make_unique<End>();
  outer_client->channel->start(outer_client->sink);
  outer_client->channel->resume();
  outer_client->sink.then = [&] {
    outer_client->sink.then = nullptr;
    outer_client->channel->mute();
    client->channel = dial(std::move(outer_client->channel), "localhost", &client->flag);
    client->channel->start(client->sink);
  };
  outer_server->channel->write("connected");
  server->channel = accept(std::move(outer_server->channel), "good", &server->flag);
  server->channel->start(server->sink);
  ASSERT_TRUE(run_until(loop, [&] { return server->flag.ready && client->flag.ready; }));
  EXPECT_EQ(outer_client->sink.bytes, "connected");
  exchange("question", "answer");
}

TEST_F(NestedTls, IsSilentOnceMuted) {
  connect();
  client->channel->mute();
  server->channel->write("unheard");
  server->channel->finish(Channel::Finish::kClean);
  test::settle(loop);
  EXPECT_EQ(client->sink.reads + client->sink.ends + client->sink.failures, 0);
}

// At every number of turns of the loop, whatever the inner handshake has reached by then.
TEST_F(NestedTls, IsDestroyedAtAnyMomentOfTheInnerHandshake) {
  for (int turns = 0; turns < 12; ++turns) {
    connect_outer();
    connect_inner();
    for (int i = 0; i < turns; ++i) uv_run(loop.raw(), UV_RUN_NOWAIT);
    (turns % 2 == 0 ? client : server).reset();
    test::settle(loop);
    client.reset();
    server.reset();
    test::settle(loop);
  }
}

}  // namespace
}  // namespace culvert
