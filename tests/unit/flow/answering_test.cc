// The answer's way down to a client that is a list of what it was sent: the record before the
// bytes, back-pressure said once for each change, and ends that cannot be taken for whole ones.
#include "relay/flow/answering.h"

#include "relay/base/limits.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace culvert {
namespace {

class Client final : public ClientSide {
 public:
  const Address& peer() const override { return peer_; }
  bool secure() const override { return false; }
  void send_continue() override {}
  void send_interim(int, const Headers&) override {}
  void send_head(AnswerHead&& head) override { seen.push_back(std::to_string(head.status)); }
  void send_body(std::string_view bytes) override { seen.emplace_back(bytes); }
  void send_end(const Headers&) override { seen.emplace_back("END"); }
  ClientTunnel become_tunnel(int, std::string_view, Headers) override { return {}; }
  void cut() override { seen.emplace_back("CUT"); }
  size_t queued() const override { return queue; }
  void pause_body() override {}
  void resume_body() override {}
  void session_over() override {}

  std::vector<std::string> seen;
  size_t queue = 0;

 private:
  Address peer_;
};

class AnsweringTest : public testing::Test {
 protected:
  AnsweringTest() { record_.id = "the-id"; }
  void begin(Dialect dialect, AnswerHead::Body body, const std::string& type) {
    ResponseHead head;
    head.status = 200;
    head.headers.add("Content-Type", type);
    AnswerHead down;
    down.status = 200;
    down.body = body;
    answer_.begin(head, std::move(down), dialect);
  }
  void begin_stream() {
    begin(Dialect::kOpenAi, AnswerHead::Body::kUnknown, "text/event-stream");
  }
  static Error lost() {
    return Error::upstream(Code::kUpstreamClosed, Stage::kBody, Retry::kNever, "it went away");
  }

  FakeClock clock_;
  Client client_;
  RequestRecord record_;
  Bill bill_{nullptr};
  Answering answer_{client_, clock_, clock_.now(), record_, bill_};
};

TEST_F(AnsweringTest, NothingHasBegunBeforeTheHead) {
  EXPECT_FALSE(answer_.begun());
  EXPECT_FALSE(answer_.ended());
  EXPECT_EQ(answer_.carry(), nullptr);
}

TEST_F(AnsweringTest, TheRecordKnowsTheTimes) {
  clock_.advance(std::chrono::milliseconds(30));
  begin_stream();
  EXPECT_TRUE(answer_.begun());
  EXPECT_EQ(record_.status, 200);
  EXPECT_DOUBLE_EQ(record_.first_byte_ms, 30);
  answer_.body(": a comment\n\n");
  EXPECT_LT(record_.first_token_ms, 0);
  clock_.advance(std::chrono::milliseconds(12));
  const std::string event = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
  answer_.body(event);
  EXPECT_DOUBLE_EQ(record_.first_token_ms, 42);
  clock_.advance(std::chrono::milliseconds(5));
  answer_.body(event);
  EXPECT_DOUBLE_EQ(record_.first_token_ms, 42);
  EXPECT_EQ(record_.bytes_out, 13 + 2 * event.size());
  EXPECT_FALSE(answer_.complete());
  answer_.body("data: [DONE]\n\n");
  EXPECT_TRUE(answer_.complete());
  EXPECT_TRUE(answer_.ended());
  EXPECT_EQ(client_.seen.size(), 5U);
  EXPECT_EQ(client_.seen[2], event);
}

TEST_F(AnsweringTest, EachChangeOfPressureIsSaidOnce) {
  begin_stream();
  EXPECT_FALSE(answer_.holds_back());
  client_.queue = limits::kHighWater;
  EXPECT_FALSE(answer_.holds_back());
  client_.queue = limits::kHighWater + 1;
  EXPECT_TRUE(answer_.holds_back());
  EXPECT_FALSE(answer_.holds_back());
  EXPECT_TRUE(answer_.drained());
  EXPECT_FALSE(answer_.drained());
  EXPECT_TRUE(answer_.holds_back());
}

TEST_F(AnsweringTest, AStreamEndsWithAnErrorBetweenEvents) {
  begin_stream();
  answer_.body("data: {}\n\n");
  answer_.truncate(lost(), Dialect::kOpenAi);
  ASSERT_EQ(client_.seen.size(), 4U);
  EXPECT_TRUE(client_.seen[2].starts_with("data: {\"error\"")) << client_.seen[2];
  EXPECT_NE(client_.seen[2].find("the-id"), std::string::npos);
  EXPECT_EQ(client_.seen[3], "CUT");
}

// A word of ours inside an event would be part of it.
TEST_F(AnsweringTest, InTheMiddleOfAnEventItIsOnlyCut) {
  begin_stream();
  answer_.body("data: {\"cho");
  answer_.truncate(lost(), Dialect::kOpenAi);
  ASSERT_EQ(client_.seen.size(), 3U);
  EXPECT_EQ(client_.seen.back(), "CUT");
}

TEST_F(AnsweringTest, WhereALengthWasAnnouncedItIsOnlyCut) {
  begin(Dialect::kOpenAi, AnswerHead::Body::kLength, "text/event-stream");
  answer_.body("data: {}\n\n");
  answer_.truncate(lost(), Dialect::kOpenAi);
  ASSERT_EQ(client_.seen.size(), 3U);
  EXPECT_EQ(client_.seen.back(), "CUT");
}

TEST_F(AnsweringTest, HeartbeatsStandBetweenEventsOfAStreamThatIsNotOver) {
  answer_.heartbeat();
  EXPECT_TRUE(client_.seen.empty());
  begin_stream();
  answer_.heartbeat();
  EXPECT_EQ(client_.seen.back(), ": heartbeat\n\n");
  for (const char* bytes : {"data: {", "}\n"}) {
    answer_.body(bytes);
    answer_.heartbeat();
    EXPECT_EQ(client_.seen.back(), bytes);
  }
  answer_.body("\n");
  client_.queue = 1;  // who does not read is not waiting
  answer_.heartbeat();
  EXPECT_EQ(client_.seen.back(), "\n");
  client_.queue = 0;
  answer_.heartbeat();
  EXPECT_EQ(client_.seen.back(), ": heartbeat\n\n");
  answer_.body("data: [DONE]\n\n");
  answer_.heartbeat();
  EXPECT_EQ(client_.seen.back(), "data: [DONE]\n\n");
  EXPECT_EQ(record_.heartbeats, 2);
}

TEST_F(AnsweringTest, NoHeartbeatsInWhatIsNoStreamOrHasALength) {
  begin(Dialect::kOpenAi, AnswerHead::Body::kLength, "text/event-stream");
  answer_.heartbeat();
  EXPECT_EQ(client_.seen.size(), 1U);
}

TEST_F(AnsweringTest, AHeadThatWentEarlyGoesOnce) {
  AnswerHead down;
  down.body = AnswerHead::Body::kUnknown;
  answer_.begin_early(std::move(down));
  EXPECT_TRUE(answer_.head_sent());
  EXPECT_FALSE(answer_.begun());
  answer_.heartbeat();
  begin_stream();
  answer_.body("\xEF");
  answer_.body("\xBB\xBF" "data: {}\n\n");
  EXPECT_EQ(client_.seen,
            (std::vector<std::string>{"200", ": heartbeat\n\n", "", "data: {}\n\n"}));
}

TEST_F(AnsweringTest, AnErrorBehindAHeadThatWentEarlyIsAnEvent) {
  AnswerHead down;
  down.body = AnswerHead::Body::kUnknown;
  answer_.begin_early(std::move(down));
  answer_.truncate(lost(), Dialect::kAnthropic);
  ASSERT_EQ(client_.seen.size(), 3U);
  EXPECT_TRUE(client_.seen[1].starts_with("event: error\n")) << client_.seen[1];
  EXPECT_EQ(client_.seen[2], "CUT");
}

}  // namespace
}  // namespace culvert
