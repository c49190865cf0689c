// One exchange over a channel in memory: framing up, answers split anywhere down, timers, and the
// two rules that money hangs on: when a request may be sent again, and when a connection may.
#include "relay/upstream/http_exchange.h"

#include "tests/fakes/cpp/memory_channel.h"
#include "tests/fakes/cpp/run_until.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace culvert {
namespace {

using namespace std::chrono_literals;
using test::MemoryChannel;
using test::MemoryPeer;
using test::run_until;

constexpr std::string_view kHead = "POST /v1 HTTP/1.1\r\nHost: up\r\n\r\n";
constexpr std::string_view kAnswer =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
constexpr std::string_view kShort = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class Keeper final : public Connector {
 public:
  std::optional<Connection> reuse(const ConnectPlan&) override { return std::nullopt; }
  std::unique_ptr<Connecting> connect(const ConnectPlan&, ConnectSink&) override { return nullptr; }
  void give_back(Connection&& connection) override { kept.push_back(std::move(connection)); }
  std::vector<Connection> kept;
};

class Exchange : public testing::Test, protected HttpExchangeSink {
 protected:
  void open(ExchangeOptions options = {}, bool reused = false) {
    exchange.reset();  // the last one's channel has the same peer
    if (options.first_byte == Duration::zero()) options.first_byte = 1h;
    if (options.idle == Duration::zero()) options.idle = 1h;
    Connection connection{std::make_unique<MemoryChannel>(peer), "id", {}};
    connection.legs.reused = reused;
    exchange = std::make_unique<HttpExchange>(loop, std::move(connection), options,
                                              static_cast<HttpExchangeSink&>(*this));
  }
  void ask() {
    exchange->send_head(kHead);
    exchange->end_body();
  }
  static Error reset() {
    return Error::upstream(Code::kUpstreamClosed, Stage::kNone, Retry::kNever, "reset");
  }
  // Whether the connection of an exchange that went on like this came back.
  bool given_back() {
    Keeper keeper;
    exchange->release(&keeper);
    return !keeper.kept.empty();
  }

  void on_interim_answer(const ResponseHead& head) override { interims.push_back(head.status); }
  void on_answer_head(const ResponseHead& head) override {
    status = head.status;
    ++heads;
    if (at_head) at_head();
  }
  void on_answer_body(std::string_view bytes) override { body += bytes; }
  void on_answer_end() override { ++ends; }
  void on_exchange_failed(Error failure) override {
    ++failures;
    error = std::move(failure);
  }
  void on_upload_drained() override { ++drained; }

  Loop loop;
  MemoryPeer peer;
  std::unique_ptr<HttpExchange> exchange;
  std::vector<int> interims;
  int status = 0;
  int heads = 0;
  std::string body;
  int ends = 0;
  int failures = 0;
  int drained = 0;
  Error error;
  std::function<void()> at_head;
};

TEST_F(Exchange, LetsItsChannelRestWhileTheAnswerComes) {
  open();
  ask();
  exchange->rest();
  EXPECT_EQ(peer.rests, 1);
  peer.say(kAnswer);
  EXPECT_EQ(body, "hello world");
  exchange->release(nullptr);
  exchange->take_channel();
  exchange->rest();  // there is none any more
  EXPECT_EQ(peer.rests, 1);
}

TEST_F(Exchange, SendsHeadAndBodyAsTheyAre) {
  open();
  exchange->send_head(kHead);
  exchange->send_body("body");
  exchange->send_body("");
  exchange->end_body();
  EXPECT_EQ(peer.written, std::string(kHead) + "body");
}

TEST_F(Exchange, TellsInterimAnswersBut100) {
  open();
  ask();
  peer.say(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
      "HTTP/1.1 204 No Content\r\n\r\n",
      1);
  EXPECT_EQ(interims, std::vector<int>{103});
  EXPECT_EQ(status, 204);
  EXPECT_EQ(ends, 1);
}

TEST_F(Exchange, FramesABodyOfUnknownLength) {
  open({.chunked_body = true});
  exchange->send_head("H\r\n\r\n");
  exchange->send_body("0123456789abcdef");
  exchange->send_body("");
  exchange->end_body();
  EXPECT_EQ(peer.written, "H\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
}

TEST_F(Exchange, ReadsAnAnswerWhateverItsPieces) {
  for (size_t piece = 0; piece <= kAnswer.size(); ++piece) {
    heads = ends = 0;
    body.clear();
    open();
    ask();
    peer.say(kAnswer, piece);
    ASSERT_EQ(heads, 1) << piece;
    ASSERT_EQ(status, 200) << piece;
    ASSERT_EQ(body, "hello world") << piece;
    ASSERT_EQ(ends, 1) << piece;
    ASSERT_EQ(failures, 0) << piece;
    ASSERT_TRUE(given_back()) << piece;
    exchange.reset();
  }
}

// A cut at any byte of an answer is never its end.
TEST_F(Exchange, IsNotWholeWhereverItIsCut) {
  for (size_t at = 0; at < kAnswer.size(); ++at) {
    for (const bool clean : {true, false}) {
      ends = failures = 0;
      open();
      ask();
      peer.say(kAnswer.substr(0, at));
      peer.end(clean);
      ASSERT_EQ(ends, 0) << at;
      ASSERT_EQ(failures, 1) << at;
      ASSERT_EQ(error.fault, Fault::kUpstream) << at;
      ASSERT_FALSE(given_back()) << at;
      exchange.reset();
    }
  }
}

TEST_F(Exchange, EndsWithTheConnectionOnlyWhereThatWasSaidCleanly) {
  constexpr std::string_view kUntilClose = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall";
  open();
  ask();
  peer.say(kUntilClose);
  peer.end(true);
  EXPECT_EQ(body, "all");
  EXPECT_EQ(ends, 1);
  EXPECT_FALSE(given_back());
  open();
  ask();
  peer.say(kUntilClose);
  peer.end(false);
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(failures, 1);
}

TEST_F(Exchange, MaySendAgainWhatAReusedConnectionNeverAcknowledged) {
  peer.acknowledges = false;
  open({}, true);
  ask();
  peer.end(true);
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(error.retry, Retry::kFreshConnection);
}

TEST_F(Exchange, NeverSendsAgainAfterAResetThatMayHaveOvertakenTheAcknowledgement) {
  peer.acknowledges = false;
  open({}, true);
  ask();
  peer.fail(reset());
  EXPECT_EQ(error.retry, Retry::kNever);
}

TEST_F(Exchange, NeverSendsAgainWhatMayHaveBeenActedUpon) {
  open({}, true);
  ask();  // acknowledged
  peer.fail(reset());
  EXPECT_EQ(error.retry, Retry::kNever);
  EXPECT_EQ(error.stage, Stage::kFirstByte);
}

TEST_F(Exchange, CountsOnlyWhatThisExchangeSent) {
  peer.acknowledged = 1000;  // of earlier requests on the connection
  peer.acknowledges = false;
  open({}, true);
  ask();
  peer.end(true);
  EXPECT_EQ(error.retry, Retry::kFreshConnection);
}

TEST_F(Exchange, MaySendAnIdempotentRequestAgainOnceItsPooledConnectionDied) {
  open({.idempotent = true}, true);
  ask();
  peer.end(true);
  EXPECT_EQ(error.retry, Retry::kFreshConnection);
}

TEST_F(Exchange, DoesNotRetryANewConnection) {
  peer.acknowledges = false;
  open({.idempotent = true}, false);
  ask();
  peer.fail(reset());
  EXPECT_EQ(error.retry, Retry::kNever);
}

TEST_F(Exchange, DoesNotRetryOnceAByteOfAnAnswerCame) {
  peer.acknowledges = false;
  open({.idempotent = true}, true);
  ask();
  peer.say("H");
  peer.fail(reset());
  EXPECT_EQ(error.retry, Retry::kNever);
}

TEST_F(Exchange, DoesNotRetryWhatTimedOut) {
  peer.acknowledges = false;
  open({.idempotent = true, .first_byte = 1ms}, true);
  ask();
  ASSERT_TRUE(run_until(loop, [&] { return failures == 1; }));
  EXPECT_EQ(error.retry, Retry::kNever);
}

TEST_F(Exchange, SaysHowFarItWasWhenItFailed) {
  open();
  exchange->send_head(kHead);
  peer.fail(reset());
  EXPECT_EQ(error.stage, Stage::kSend);
  open();
  ask();
  peer.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  peer.fail(reset());
  EXPECT_EQ(error.stage, Stage::kBody);
  EXPECT_EQ(body, "half");
}

TEST_F(Exchange, WaitsForAnAnswerOnlySoLong) {
  open({.first_byte = 1ms});
  ask();
  ASSERT_TRUE(run_until(loop, [&] { return failures == 1; }));
  EXPECT_EQ(error.code, Code::kFirstByteTimeout);
  EXPECT_EQ(error.stage, Stage::kFirstByte);
}

TEST_F(Exchange, WaitsForTheRestOnlySoLong) {
  open({.idle = 1ms});
  ask();
  peer.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  ASSERT_TRUE(run_until(loop, [&] { return failures == 1; }));
  EXPECT_EQ(error.code, Code::kIdleTimeout);
  EXPECT_EQ(error.stage, Stage::kBody);
}

TEST_F(Exchange, DoesNotBlameTheUpstreamForOurPause) {
  open({.idle = 1ms});
  ask();
  peer.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
  exchange->pause();
  EXPECT_TRUE(peer.paused);
  bool later = false;
  Timer wait(loop, [&] { later = true; });
  wait.start(20ms);
  ASSERT_TRUE(run_until(loop, [&] { return later; }));
  EXPECT_EQ(failures, 0);
  exchange->resume();
  EXPECT_FALSE(peer.paused);
  EXPECT_TRUE(run_until(loop, [&] { return failures == 1; }));
}

TEST_F(Exchange, HasNoTimerAfterItsEnd) {
  open({.first_byte = 1ms, .idle = 1ms});
  ask();
  peer.say(kShort);
  bool later = false;
  Timer wait(loop, [&] { later = true; });
  wait.start(20ms);
  ASSERT_TRUE(run_until(loop, [&] { return later; }));
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(failures, 0);
}

TEST_F(Exchange, GivesBackAConnectionThatMayLiveOn) {
  open();
  ask();
  peer.say(kShort);
  EXPECT_EQ(body, "ok");
  EXPECT_TRUE(given_back());
  EXPECT_TRUE(peer.destroyed);  // with the keeper, which was its owner
}

TEST_F(Exchange, KeepsAConnectionFromReuse) {
  const auto after = [&](std::string_view answer, const std::function<void()>& more = {}) {
    peer = {};
    open();
    ask();
    peer.say(answer);
    if (more) more();
    const bool back = given_back();
    exchange.reset();
    return back;
  };
  EXPECT_FALSE(after("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"));
  EXPECT_FALSE(after("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  EXPECT_FALSE(after(std::string(kShort) + "HTTP/1.1 200 OK\r\n"));       // excess
  EXPECT_FALSE(after(kShort, [&] { peer.say("x"); }));                    // excess, later
  EXPECT_FALSE(after("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"));  // not whole
  EXPECT_FALSE(after(kShort, [&] { peer.queued = 1; }));                  // not all was sent
  EXPECT_TRUE(after(kShort));
}

TEST_F(Exchange, KeepsAnUnfinishedUploadFromReuse) {
  open();
  exchange->send_head(kHead);  // the body never ended
  peer.say(kShort);
  EXPECT_EQ(ends, 1);
  EXPECT_FALSE(given_back());
}

TEST_F(Exchange, IsSilentOnceReleased) {
  open();
  ask();
  exchange->release(nullptr);
  peer.say(kShort);
  EXPECT_EQ(heads + ends + failures, 0);
}

TEST_F(Exchange, IsReleasedFromInsideItsOwnCall) {
  open();
  ask();
  at_head = [&] { exchange->release(nullptr); };
  peer.say(kAnswer);
  EXPECT_EQ(heads, 1);
  EXPECT_EQ(body, "");
  EXPECT_EQ(ends + failures, 0);
}

TEST_F(Exchange, AnswersToHeadHaveNoBody) {
  open({.head_request = true});
  ask();
  peer.say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(body, "");
  EXPECT_TRUE(given_back());
}

TEST_F(Exchange, RefusesWhatIsNoAnswer) {
  open();
  ask();
  peer.say("SMTP ready\r\n\r\n");
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(error.code, Code::kBadAnswer);
}

TEST_F(Exchange, PassesDrainingOn) {
  open();
  peer.drain();
  EXPECT_EQ(drained, 1);
}

// What comes behind the 101 is the other protocol's, in the same segment or not.
TEST_F(Exchange, HandsTheChannelOverAtASwitch) {
  open({.upgrade = true});
  std::optional<Switched> switched;
  at_head = [&] { switched = exchange->take_channel(); };
  ask();
  peer.say("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nframes");
  ASSERT_TRUE(switched);
  EXPECT_EQ(status, 101);
  EXPECT_EQ(switched->arrived, "frames");
  ASSERT_NE(switched->channel, nullptr);
  EXPECT_FALSE(given_back());
  EXPECT_EQ(failures + ends, 0);
}

}  // namespace
}  // namespace culvert
