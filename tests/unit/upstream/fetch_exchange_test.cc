// The fetch strategy on loopback: the bytes of its request against the socket strategy's, answers
// of every framing, back-pressure, cancelling, timers, and the rules that money hangs on: no
// request goes out twice, and what may be repeated is said rightly. HTTP/2 and proxies have real
// peers in tests/integration.
#include "relay/upstream/fetch_exchange.h"

#include "relay/base/limits.h"
#include "relay/channel/tcp.h"
#include "relay/channel/tls_channel.h"
#include "relay/codec/encode.h"
#include "relay/crypto/start.h"
#include "relay/upstream/socket_connector.h"
#include "relay/upstream/socket_exchange.h"
#include "tests/fakes/cpp/certificates.h"
#include "tests/fakes/cpp/run_until.h"
#include "tests/fakes/cpp/sockets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace culvert {
namespace {

using namespace std::chrono_literals;
using test::Certificates;
using test::run_until;

constexpr std::string_view kShort = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// One connection of the upstream: what came, and the means to answer.
class Served final : public ChannelSink {
 public:
  void on_bytes(std::string_view bytes) override {
    received += bytes;
    if (then) then(*this);
  }
  void on_end(bool) override { ended = true; }
  void on_drained() override {}
  void on_failed(Error) override { ended = true; }
  void say(std::string_view bytes) { channel->write(bytes); }
  void close() { channel->finish(Channel::Finish::kClean); }
  void reset() {
    channel->reset_on_close();
    channel.reset();
  }
  bool has(std::string_view text) const { return received.find(text) != std::string::npos; }

  std::unique_ptr<Channel> channel;
  std::string received;
  bool ended = false;
  std::function<void(Served&)> then;
};

class Upstream final : private AcceptSink, private TlsReadySink {
 public:
  Upstream(Loop& loop, HandshakePool& pool, const char* leaf = nullptr) : loop_(loop), pool_(pool) {
    Fd fd = std::move(listen_on(test::loopback())).value();
    port = test::port_of(fd.get());
    if (leaf != nullptr) {
      tls_ = TlsServerConfig::create({Certificates::all().leaf(leaf)},
                                     std::move(TicketKeys::create()).value())
                 .value();
    }
    listener_ = std::make_unique<Listener>(loop_, std::move(fd), static_cast<AcceptSink&>(*this));
  }
  ~Upstream() override {
    for (const auto& one : served) {
      if (one->channel != nullptr) one->channel->mute();
    }
  }
  Served& last() { return *served.back(); }

  uint16_t port = 0;
  std::vector<std::unique_ptr<Served>> served;
  std::function<void(Served&)> then;

 private:
  bool on_accept(Fd connection, const Address& from) override {
    peer = from;
    served.push_back(std::make_unique<Served>());
    Served& one = *served.back();
    one.then = then;
    auto tcp = std::make_unique<TcpChannel>(loop_, std::move(connection), false);
    if (tls_ == nullptr) {
      one.channel = std::move(tcp);
    } else {
      one.channel = std::make_unique<TlsChannel>(loop_, pool_, std::move(tcp), tls_,
                                                 static_cast<TlsReadySink*>(this));
    }
    one.channel->start(one);
    return true;
  }
  void on_tls_ready() override {}

  Loop& loop_;
  HandshakePool& pool_;
  std::shared_ptr<const TlsServerConfig> tls_;
  std::unique_ptr<Listener> listener_;

 public:
  std::optional<Address> peer;
};

class Caller final : public ExchangeSink {
 public:
  void on_connected() override {
    ++connects;
    if (at_connected) at_connected();
  }
  void on_interim(const ResponseHead& early) override { interims.push_back(early.status); }
  void on_head(const ResponseHead& answer) override { head = answer; }
  void on_body(std::string_view bytes) override {
    body += bytes;
    ++parts;
    if (at_body) at_body();
  }
  void on_end() override { ++ends; }
  void on_failed(Error why) override { error = std::move(why); }
  void on_upload_drained() override { ++drained; }
  bool over() const { return ends > 0 || error; }

  int connects = 0;
  std::vector<int> interims;
  std::optional<ResponseHead> head;
  std::string body;
  int parts = 0;
  int ends = 0;
  int drained = 0;
  std::optional<Error> error;
  std::function<void()> at_connected;
  std::function<void()> at_body;
};

std::string head_of(std::string_view method, const Headers& more = {}) {
  Headers headers;
  headers.add("Host", "api.example.com:8443");
  for (const Header& one : more) headers.add(one.name, one.value);
  return encode_request_head(method, "/v1/chat?beta=%2e%2E|x", headers);
}

class Fetching : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(start_crypto()); }

  ExchangePlan plan(uint16_t port, std::string head, bool tls = false) const {
    ExchangePlan made;
    made.connect.tls = tls;
    made.connect.host = "127.0.0.1";
    made.connect.port = port;
    made.connect.server_name = "localhost";
    made.connect.trust = trust;
    made.connect.resolve_timeout = made.connect.connect_timeout = made.connect.tls_timeout = 5s;
    made.head = std::move(head);
    made.options.first_byte = made.options.idle = 1h;
    return made;
  }
  std::unique_ptr<FetchExchange> fetch(ExchangePlan how, Caller& caller) {
    auto made = std::make_unique<FetchExchange>(client, std::move(how), caller);
    made->start();
    return made;
  }
  // A whole exchange without a body, its connection given back.
  Caller visit(const ExchangePlan& how) {
    Caller caller;
    auto one = fetch(how, caller);
    caller.at_connected = [&] { one->end_body(); };
    EXPECT_TRUE(run_until(loop, [&] { return caller.over(); }));
    reused = one->legs().reused;
    one->stop();
    loop.retire(std::move(one));
    test::settle(loop);
    caller.at_connected = nullptr;
    return caller;
  }
  // With a body, by either strategy; returns what the upstream got.
  std::string bytes_of(bool socket, const ExchangePlan& how, Upstream& upstream) {
    Caller caller;
    std::unique_ptr<Exchange> one;
    if (socket) {
      one = std::make_unique<SocketExchange>(loop, connector, ExchangePlan(how), caller);
    } else {
      one = std::make_unique<FetchExchange>(client, how, caller);
    }
    caller.at_connected = [&] {
      one->send_body("0123456789");
      one->end_body();
    };
    one->start();
    EXPECT_TRUE(run_until(loop, [&] { return caller.over(); }));
    EXPECT_EQ(caller.ends, 1);
    one->stop();
    loop.retire(std::move(one));
    test::settle(loop);
    return upstream.last().received;
  }

  Loop loop;
  HandshakePool pool{1, 64};
  std::unique_ptr<Resolver> resolver = Resolver::create(loop, {}).value();
  std::shared_ptr<const TrustStore> trust =
      TrustStore::parse(Certificates::all().pem("ca.pem"), "").value();
  SocketConnector connector{loop, pool, *resolver, Clock::system()};
  FetchClient client{loop, *resolver, Clock::system()};
  bool reused = false;
};

TEST_F(Fetching, SendsTheSameBytesAsTheSocketStrategy) {
  Headers rich;
  rich.add("aCCept", "text/event-stream");
  rich.add("User-Agent", "one constant");
  rich.add("Content-Type", "application/json");
  rich.add("authorization", "Bearer key");
  rich.add("x-empty", "");
  rich.add("Range", "bytes=0-1");
  Headers length = rich;
  length.add("Content-Length", "10");
  Headers plain;
  plain.add("Content-Length", "10");
  for (const bool tls : {false, true}) {
    Upstream upstream(loop, pool, tls ? "good" : nullptr);
    upstream.then = [](Served& one) {
      if (one.has("0123456789")) one.say(kShort);
    };
    for (const Headers& headers : {length, plain}) {
      for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
        ExchangePlan how = plan(upstream.port, head_of(method, headers), tls);
        how.fresh = true;
        const std::string expected = bytes_of(true, how, upstream);
        EXPECT_EQ(bytes_of(false, how, upstream), expected);
        EXPECT_EQ(expected, how.head + "0123456789");
      }
    }
  }
}

TEST_F(Fetching, SendsTheSameHeadWithoutABodyAndWithChunks) {
  Upstream upstream(loop, pool);
  upstream.then = [](Served& one) {
    if (one.received.ends_with("\r\n\r\n"))
      one.say(one.received.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                                               : kShort);
  };
  for (const char* method : {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}) {
    Headers none;
    if (std::string_view(method) == "POST") none.add("Content-Length", "0");
    ExchangePlan how = plan(upstream.port, head_of(method, none));
    how.fresh = true;
    how.options.head_request = std::string_view(method) == "HEAD";
    const Caller caller = visit(how);
    EXPECT_EQ(caller.ends, 1) << method;
    EXPECT_EQ(upstream.last().received, how.head);
  }
  Headers chunked;
  chunked.add("Transfer-Encoding", "chunked");
  chunked.add("Accept", "*/*");
  ExchangePlan how = plan(upstream.port, head_of("POST", chunked));
  how.options.chunked_body = how.fresh = true;
  EXPECT_EQ(bytes_of(false, how, upstream), how.head + "a\r\n0123456789\r\n0\r\n\r\n");
}

TEST_F(Fetching, ReadsAnswersOfEveryFraming) {
  struct {
    const char* answer;
    const char* body;
    bool closes;
  } const cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n"
       "Trailer: gone\r\n\r\n",
       "hello", false},
      {"HTTP/1.1 200 OK\r\n\r\nhello", "hello", true},
      {"HTTP/1.0 200 OK\r\n\r\nhello", "hello", true},
      {"HTTP/1.1 204 No Content\r\n\r\n", "", false},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "", false},
      {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
       "", false},
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello", "hello", false},
      {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "",
       false},
      {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", "",
       false},
  };
  for (const auto& one : cases) {
    Upstream upstream(loop, pool);
    upstream.then = [&](Served& served) {
      served.say(one.answer);
      if (one.closes) served.close();
    };
    const Caller caller = visit(plan(upstream.port, head_of("GET")));
    EXPECT_EQ(caller.ends, 1) << one.answer << (caller.error ? caller.error->detail : "");
    EXPECT_EQ(caller.body, one.body) << one.answer;
    EXPECT_FALSE(caller.head->headers.find("trailer"));
  }
}

TEST_F(Fetching, RefusesWhatCannotBeReadOrIsCut) {
  struct {
    const char* answer;
    Code code;
    Stage stage;
  } const cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", Code::kUpstreamClosed, Stage::kBody},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Code::kUpstreamClosed,
       Stage::kBody},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", Code::kBadAnswer,
       Stage::kBody},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhe", Code::kBadAnswer,
       Stage::kFirstByte},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       Code::kBadAnswer, Stage::kFirstByte},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Code::kBadAnswer,
       Stage::kFirstByte},
      {"HTTP/1.1 20", Code::kUpstreamClosed, Stage::kFirstByte},
      {"", Code::kUpstreamClosed, Stage::kFirstByte},
      {"hello, I speak no HTTP at all\r\n\r\n", Code::kBadAnswer, Stage::kFirstByte},
  };
  for (const auto& one : cases) {
    Upstream upstream(loop, pool);
    upstream.then = [&](Served& served) {
      served.say(one.answer);
      served.close();
    };
    const Caller caller = visit(plan(upstream.port, head_of("GET")));
    ASSERT_TRUE(caller.error) << one.answer;
    EXPECT_EQ(caller.error->code, one.code) << one.answer << ": " << caller.error->detail;
    EXPECT_EQ(caller.error->stage, one.stage) << one.answer << ": " << caller.error->detail;
    EXPECT_EQ(caller.error->retry, Retry::kNever);
    EXPECT_EQ(upstream.served.size(), 1U);
  }
}

TEST_F(Fetching, BoundsTheHead) {
  Upstream upstream(loop, pool);
  upstream.then = [](Served& one) {
    one.say("HTTP/1.1 200 OK\r\nx: " + std::string(70 * 1024, 'a') + "\r\n\r\n");
  };
  const Caller caller = visit(plan(upstream.port, head_of("GET")));
  ASSERT_TRUE(caller.error);
  EXPECT_EQ(caller.error->code, Code::kBadAnswer);
}

TEST_F(Fetching, UsesAConnectionAgainAndOnlyForTheSame) {
  Upstream upstream(loop, pool);
  upstream.then = [](Served& one) { one.say(kShort); };
  ExchangePlan how = plan(upstream.port, head_of("GET"));
  visit(how);
  EXPECT_FALSE(reused);
  EXPECT_EQ(client.idle(), 1U);
  visit(how);
  EXPECT_TRUE(reused);
  EXPECT_EQ(upstream.served.size(), 1U);
  how.fresh = true;
  visit(how);
  EXPECT_FALSE(reused);
  how.fresh = false;
  how.connect.partition = "tenant";
  visit(how);
  EXPECT_FALSE(reused);
  how.connect.partition = "";
  how.connect.bind = Address::parse("127.0.0.7");
  visit(how);
  EXPECT_FALSE(reused);
  EXPECT_EQ(upstream.peer->text(), "127.0.0.7");
  EXPECT_EQ(client.lanes(), 3U);
}

TEST_F(Fetching, SeesThatAnIdleConnectionWasClosed) {
  Upstream upstream(loop, pool);
  upstream.then = [](Served& one) { one.say(kShort); };
  const ExchangePlan how = plan(upstream.port, head_of("POST"));
  visit(how);
  upstream.last().close();
  test::settle(loop);
  const Caller caller = visit(how);
  EXPECT_EQ(caller.ends, 1);
  EXPECT_FALSE(reused);
}

// The race that every keep-alive has: it closes while the request is on its way.
TEST_F(Fetching, NeverSendsARequestTwice) {
  for (const bool reset : {false, true}) {
    for (const bool idempotent : {false, true}) {
      Upstream upstream(loop, pool);
      upstream.then = [](Served& one) { one.say(kShort); };
      Headers length;
      length.add("Content-Length", "10");
      ExchangePlan how = plan(upstream.port, head_of("GET"));
      visit(how);
      upstream.last().then = [&](Served& one) { reset ? one.reset() : one.close(); };
      how.head = head_of("POST", length);
      how.options.idempotent = idempotent;
      Caller caller;
      auto one = fetch(how, caller);
      caller.at_connected = [&] {
        one->send_body("0123456789");
        one->end_body();
      };
      ASSERT_TRUE(run_until(loop, [&] { return caller.over(); }));
      EXPECT_TRUE(one->legs().reused);
      ASSERT_TRUE(caller.error);
      EXPECT_EQ(caller.error->code, Code::kUpstreamClosed);
      EXPECT_EQ(caller.error->retry, idempotent ? Retry::kFreshConnection : Retry::kNever);
      EXPECT_FALSE(one->untouched());
      test::settle(loop);
      EXPECT_EQ(upstream.served.size(), 1U);
      one->stop();
      loop.retire(std::move(one));
      test::settle(loop);
    }
  }
}

TEST_F(Fetching, TellsThatNothingWasTaken) {
  Caller caller;
  auto one = fetch(plan(1, head_of("POST")), caller);
  ASSERT_TRUE(run_until(loop, [&] { return caller.over(); }));
  EXPECT_EQ(caller.error->stage, Stage::kConnect);
  EXPECT_EQ(caller.error->code, Code::kConnectFailed);
  EXPECT_TRUE(one->untouched());
  EXPECT_EQ(one->body_sent(), 0U);
  EXPECT_EQ(caller.connects, 0);
}

TEST_F(Fetching, VerifiesCertificatesByTheNameOfThePlan) {
  for (const char* leaf : {"good", "rsa"}) {
    Upstream upstream(loop, pool, leaf);
    upstream.then = [](Served& one) { one.say(kShort); };
    const Caller caller = visit(plan(upstream.port, head_of("GET"), true));
    EXPECT_EQ(caller.ends, 1) << leaf << (caller.error ? caller.error->detail : "");
  }
  for (const char* leaf : {"other", "untrusted"}) {
    Upstream upstream(loop, pool, leaf);
    const Caller caller = visit(plan(upstream.port, head_of("GET"), true));
    ASSERT_TRUE(caller.error) << leaf;
    EXPECT_EQ(caller.error->code, Code::kTlsFailed) << caller.error->detail;
    EXPECT_EQ(caller.error->stage, Stage::kTls);
    EXPECT_TRUE(upstream.last().received.empty());
  }
  Upstream upstream(loop, pool, "good");
  ExchangePlan nobody = plan(upstream.port, head_of("GET"), true);
  nobody.connect.trust = TrustStore::parse("", "").value();
  EXPECT_EQ(visit(nobody).error->code, Code::kTlsFailed);
}

TEST_F(Fetching, StopsReadingForASlowReader) {
  Upstream upstream(loop, pool);
  constexpr size_t kSize = 32U << 20U;
  upstream.then = [&](Served& one) {
    one.say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
    one.say(std::string(kSize, 'b'));
  };
  Caller caller;
  auto one = fetch(plan(upstream.port, head_of("GET")), caller);
  caller.at_connected = [&] { one->end_body(); };
  caller.at_body = [&] { one->pause(); };
  ASSERT_TRUE(run_until(loop, [&] { return caller.parts > 0; }));
  for (int i = 0; i < 200; ++i) test::settle(loop);
  EXPECT_EQ(caller.parts, 1);
  EXPECT_GT(upstream.last().channel->queued(), kSize / 2);  // it waits at the upstream
  caller.at_body = nullptr;
  one->resume();
  ASSERT_TRUE(run_until(loop, [&] { return caller.over(); }));
  EXPECT_EQ(caller.ends, 1);
  EXPECT_EQ(caller.body.size(), kSize);
}

TEST_F(Fetching, StopsTakingForASlowUpstream) {
  Upstream upstream(loop, pool);
  constexpr size_t kSize = 32U << 20U;
  Headers length;
  length.add("Content-Length", std::to_string(kSize));
  Caller caller;
  auto one = fetch(plan(upstream.port, head_of("POST", length)), caller);
  upstream.then = [](Served& served) { served.channel->pause(); };
  size_t sent = 0;
  const auto fill = [&] {
    while (sent < kSize && one->queued() < 256 * 1024) {
      one->send_body(std::string(64 * 1024, 'u'));
      sent += 64 * 1024;
    }
    if (sent == kSize) one->end_body();
  };
  caller.at_connected = fill;
  ASSERT_TRUE(run_until(loop, [&] { return sent > 0; }));
  for (int i = 0; i < 200; ++i) {
    test::settle(loop);
    if (caller.drained > 0) fill();
    caller.drained = 0;
  }
  EXPECT_LT(sent, kSize);
  EXPECT_GE(one->queued(), 64U * 1024);
  upstream.last().then = [&](Served& served) {
    if (served.received.size() >= kSize) served.say(kShort);
  };
  upstream.last().channel->resume();
  ASSERT_TRUE(run_until(loop, [&] {
    if (caller.drained > 0) fill();
    caller.drained = 0;
    return caller.over();
  }));
  EXPECT_EQ(caller.ends, 1);
  EXPECT_EQ(one->body_sent(), kSize);
}

TEST_F(Fetching, TellsEachPieceAtOnce) {
  Upstream upstream(loop, pool, "good");
  upstream.then = [](Served& one) {
    one.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  };
  Caller caller;
  auto one = fetch(plan(upstream.port, head_of("GET"), true), caller);
  caller.at_connected = [&] { one->end_body(); };
  ASSERT_TRUE(run_until(loop, [&] { return caller.head.has_value(); }));
  for (int token = 1; token <= 20; ++token) {
    upstream.last().say("5\r\ntoken\r\n");
    ASSERT_TRUE(run_until(loop, [&] { return caller.body.size() == 5U * unsigned(token); }));
  }
  upstream.last().say("0\r\n\r\n");
  ASSERT_TRUE(run_until(loop, [&] { return caller.ends == 1; }));
}

TEST_F(Fetching, IsCancelledAtAnyMoment) {
  Upstream upstream(loop, pool, "good");
  upstream.then = [](Served& one) {
    one.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntoken\r\n");
  };
  for (int rounds = 0; rounds < 60; ++rounds) {
    Caller caller;
    auto one = fetch(plan(upstream.port, head_of("GET"), true), caller);
    for (int i = 0; i < rounds; ++i) uv_run(loop.raw(), UV_RUN_NOWAIT);
    one->stop();
    const int told = caller.connects + caller.parts;
    loop.retire(std::move(one));
    test::settle(loop);
    EXPECT_EQ(caller.connects + caller.parts, told) << "told after it was cancelled";
    EXPECT_FALSE(caller.over());
  }
  ASSERT_TRUE(run_until(loop, [&] {
    return std::all_of(upstream.served.begin(), upstream.served.end(),
                       [](const auto& one) { return one->ended; });
  })) << "a cancelled connection lives on";
  EXPECT_EQ(client.idle(), 0U);
}

TEST_F(Fetching, KeepsItsTimers) {
  Upstream upstream(loop, pool);
  ExchangePlan how = plan(upstream.port, head_of("GET"));
  how.options.first_byte = 20ms;
  Caller caller = visit(how);
  EXPECT_EQ(caller.error->code, Code::kFirstByteTimeout);
  EXPECT_EQ(caller.error->stage, Stage::kFirstByte);
  upstream.then = [](Served& one) { one.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe"); };
  how.options.first_byte = 1h;
  how.options.idle = 20ms;
  caller = visit(how);
  EXPECT_EQ(caller.error->code, Code::kIdleTimeout);
  EXPECT_EQ(caller.error->stage, Stage::kBody);
  how = plan(upstream.port, head_of("GET"), true);  // the peer speaks no TLS, and says nothing
  upstream.then = nullptr;
  how.connect.tls_timeout = 20ms;
  caller = visit(how);
  EXPECT_EQ(caller.error->code, Code::kConnectTimeout);
  EXPECT_EQ(caller.error->stage, Stage::kTls);
}

TEST_F(Fetching, DropsWhatLiesIdleForOthers) {
  Upstream upstream(loop, pool);
  upstream.then = [](Served& one) { one.say(kShort); };
  for (size_t i = 0; i < limits::kFetchLanes + 8; ++i) {
    ExchangePlan how = plan(upstream.port, head_of("GET"));
    how.connect.partition = std::to_string(i);
    EXPECT_EQ(visit(how).ends, 1);
  }
  EXPECT_LE(client.lanes(), limits::kFetchLanes);
  EXPECT_LE(client.idle(), limits::kPooledInAll);
}

TEST_F(Fetching, LeavesNoDescriptorBehind) {
  const size_t before = test::open_descriptors();
  {
    FetchClient other(loop, *resolver, Clock::system());
    Upstream upstream(loop, pool, "good");
    upstream.then = [](Served& one) { one.say(kShort); };
    Caller caller;
    FetchExchange one(other, plan(upstream.port, head_of("GET"), true), caller);
    one.start();
    ASSERT_TRUE(run_until(loop, [&] { return caller.over(); }));
    one.stop();
  }
  test::settle(loop);
  EXPECT_EQ(test::open_descriptors(), before);
}

}  // namespace
}  // namespace culvert
