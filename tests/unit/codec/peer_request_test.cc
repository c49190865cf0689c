// What relays say to each other, there and back through the parsers that read it on the wire.
#include "relay/codec/peer_request.h"

#include "relay/base/limits.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::milliseconds;

RequestHead head_of(std::string_view bytes) {
  RequestParser parser({8192, 32, 1024});
  while (true) {
    const auto event = parser.next(&bytes);
    if (!event || event->kind == EventKind::kNeedMore) {
      ADD_FAILURE() << (event ? "more is needed" : event.error().detail);
      return {};
    }
    if (event->kind == EventKind::kEnd) return parser.head();
  }
}

struct Answer {
  ResponseHead head;
  std::string body;
};

Answer answer_of(std::string_view bytes) {
  ResponseParser parser(false);
  Answer answer;
  while (true) {
    const auto event = parser.next(&bytes);
    if (!event || event->kind == EventKind::kNeedMore) {
      ADD_FAILURE() << (event ? "more is needed" : event.error().detail);
      return answer;
    }
    if (event->kind == EventKind::kBody) answer.body += event->body;
    answer.head = parser.head();
    if (event->kind == EventKind::kEnd || answer.head.status == 200) return answer;
  }
}

PeerRequest request() {
  return {{"api.example.com", 443}, {"near"}, milliseconds(5000), milliseconds(10000),
          milliseconds(9999),       std::nullopt};
}

TEST(PeerRequest, comes_as_it_went) {
  const auto read = read_peer_request(head_of(encode_peer_request(request())));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->to.host, "api.example.com");
  EXPECT_EQ(read->to.port, 443);
  EXPECT_EQ(read->path, std::vector<std::string>{"near"});
  EXPECT_EQ(read->resolve, milliseconds(5000));
  EXPECT_EQ(read->connect, milliseconds(10000));
  EXPECT_EQ(read->tls, milliseconds(9999));
  EXPECT_FALSE(read->far_tls);
}

TEST(PeerRequest, addresses_of_ipv6_stand_in_brackets) {
  PeerRequest asked = request();
  asked.to = {"2001:db8::1", 8443};
  const std::string text = encode_peer_request(asked);
  EXPECT_TRUE(text.starts_with("CONNECT [2001:db8::1]:8443 HTTP/1.1\r\n")) << text;
  const auto read = read_peer_request(head_of(text));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->to.host, "2001:db8::1");
}

TEST(PeerRequest, tls_of_the_far_relay_comes_along) {
  PeerRequest asked = request();
  asked.far_tls = PeerTls{"inside.example.com", true, "house"};
  const auto read = read_peer_request(head_of(encode_peer_request(asked)));
  ASSERT_TRUE(read && read->far_tls);
  EXPECT_EQ(read->far_tls->server_name, "inside.example.com");
  EXPECT_TRUE(read->far_tls->tls13_only);
  EXPECT_EQ(read->far_tls->upstream, "house");
}

TEST(PeerRequest, flaws_are_told) {
  const auto flaw = [](std::string_view name, std::string_view value) {
    RequestHead head = head_of(encode_peer_request(request()));
    head.headers.erase(name);
    if (!value.empty()) head.headers.add(name, value);
    const auto read = read_peer_request(head);
    return read ? std::string() : read.error().detail;
  };
  EXPECT_NE(flaw("Culvert-Path", "").find("Culvert-Path is missing"), std::string::npos);
  for (const char* none : {"", "0", "-1", "x", "1x", "86400001", "99999999999999999999"}) {
    EXPECT_NE(flaw("Culvert-Connect-Ms", none).find("allowed are 1 to"), std::string::npos) << none;
  }
  EXPECT_NE(flaw("Culvert-Tls-Name", "a.example").find("allowed are 1.2 and 1.3"),
            std::string::npos);
}

TEST(PeerRequest, too_many_relays_are_a_loop) {
  PeerRequest asked = request();
  asked.path.assign(limits::kPeerHops, "r");
  EXPECT_TRUE(read_peer_request(head_of(encode_peer_request(asked))));
  asked.path.emplace_back("r");
  const auto read = read_peer_request(head_of(encode_peer_request(asked)));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kLoop);
}

TEST(PeerAnswer, tells_how_long_it_took) {
  const Answer answer =
      answer_of(encode_peer_answer({milliseconds(3), milliseconds(21), milliseconds(0)}));
  EXPECT_EQ(answer.head.status, 200);
  const PeerAnswer read = read_peer_answer(answer.head);
  EXPECT_EQ(read.resolve, milliseconds(3));
  EXPECT_EQ(read.connect, milliseconds(21));
  EXPECT_EQ(read.tls, Duration::zero());
}

TEST(PeerRefusal, keeps_code_stage_and_words) {
  const Error error = Error::upstream(Code::kTlsFailed, Stage::kTls, Retry::kNever,
                                      "the certificate has\r\nexpired");
  const Answer answer = answer_of(encode_peer_refusal(error));
  EXPECT_EQ(answer.head.status, 502);
  const Error read = read_peer_refusal(answer.head, answer.body);
  EXPECT_EQ(read.code, Code::kTlsFailed);
  EXPECT_EQ(read.stage, Stage::kTls);
  EXPECT_EQ(read.retry, Retry::kNever);
  EXPECT_EQ(read.detail, "the certificate has??expired");
  EXPECT_FALSE(is_about_relay(read));
}

TEST(PeerRefusal, about_the_relay_itself) {
  const Answer answer = answer_of(
      encode_peer_refusal(Error::ours(Code::kDraining, Stage::kLimit, "this relay is drained")));
  EXPECT_EQ(answer.head.status, 503);
  EXPECT_TRUE(is_about_relay(read_peer_refusal(answer.head, answer.body)));
}

TEST(PeerRefusal, an_answer_of_somebody_else_is_none) {
  ResponseHead head;
  head.status = 502;
  const Error read = read_peer_refusal(head, "<html>");
  EXPECT_EQ(read.code, Code::kBadAnswer);
  EXPECT_TRUE(is_about_relay(read));
}

TEST(PeerCheck, asks_and_tells_the_state) {
  const RequestHead asked = head_of(encode_peer_check());
  EXPECT_EQ(asked.method, "OPTIONS");
  EXPECT_EQ(asked.target, "*");
  EXPECT_TRUE(says_draining(answer_of(encode_peer_state(true)).head));
  const Answer serving = answer_of(encode_peer_state(false));
  EXPECT_FALSE(says_draining(serving.head));
  EXPECT_EQ(serving.head.status, 204);
}

}  // namespace
}  // namespace culvert
