// Answers: what is taken, what is refused, and that no cut looks like an end.
#include "relay/codec/response_parser.h"

#include "tests/unit/codec/split.h"
#include "tests/unit/codec/transcript.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace culvert::test {
namespace {

std::string said(std::string_view input,
                 std::optional<Ending> ending = std::nullopt,
                 bool answer_to_head = false) {
  return at_every_split(input, [&](const Pieces& pieces) {
    return response_transcript(pieces, ending, answer_to_head);
  });
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(ResponseParser, CountsALength) {
  EXPECT_EQ(said("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
            "head 200 'OK' 1.1 body=5 keep [Content-Length=5]\nbody hello\nend\n");
}

TEST(ResponseParser, TakesChunksApart) {
  EXPECT_EQ(said("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5\r\nhello\r\n1;e\r\n!\r\n0\r\nT: u\r\n\r\n"),
            "head 200 'OK' 1.1 body=chunked keep [Transfer-Encoding=chunked]\nbody hello!\nend\n");
}

// Fault 2 of other relays: a body that the connection's end delimits came out empty.
TEST(ResponseParser, TakesABodyUpToTheEndOfTheConnection) {
  const std::string answer = "HTTP/1.1 200 OK\r\nA: b\r\n\r\nall of it";
  EXPECT_EQ(said(answer, Ending{true}),
            "head 200 'OK' 1.1 body=close close [A=b]\nbody all of it\nend\n");
  EXPECT_TRUE(contains(said(answer, Ending{false}), "body all of it\nerror 502 body: "));
  EXPECT_TRUE(contains(said("HTTP/1.0 200 OK\r\n\r\n", Ending{true}), "body=close close\nend\n"));
}

// Fault 3: short lengths and broken chunks were accepted as complete.
TEST(ResponseParser, NeverTakesACutForAnEnd) {
  const std::vector<std::string> answers = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"};
  for (const std::string& answer : answers) {
    for (size_t cut = 0; cut < answer.size(); ++cut) {
      Pieces pieces;
      pieces.emplace_back(std::string_view(answer).substr(0, cut));
      const std::string out = response_transcript(pieces, Ending{true});
      EXPECT_TRUE(contains(out, "error 502 ")) << "cut at " << cut << ": " << out;
      EXPECT_FALSE(contains(out, "end\n")) << "cut at " << cut << ": " << out;
    }
  }
}

TEST(ResponseParser, RefusesBrokenChunks) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* body : {"zz\r\nhello\r\n", "5\r\nhelloX\r\n", "5\nhello\r\n", "-5\r\nhello\r\n",
                           "5\r\nhello0\r\n\r\n", "5 \r\nhello\r\n", "ffffffffffffffff1\r\n"}) {
    const std::string out = said(head + body);
    EXPECT_TRUE(contains(out, "error 502 body: ")) << body << out;
    EXPECT_FALSE(contains(out, "end\n")) << body << out;
  }
}

// Fault 4: answers without a body, interim ones and status lines without a reason were errors, and
// the request was sent twice.
TEST(ResponseParser, TakesAnswersWithoutABodyWhateverTheySay) {
  EXPECT_EQ(said("HTTP/1.1 204 No Content\r\n\r\n"),
            "head 204 'No Content' 1.1 body=none keep\nend\n");
  EXPECT_TRUE(contains(said("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
                       "body=none keep [Content-Length=5]\nend\n"));
  EXPECT_TRUE(contains(said("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
                       "body=none close [Content-Length=5]\nend\n"));
  EXPECT_TRUE(contains(said("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", std::nullopt, true),
                       "body=none keep [Content-Length=5]\nend\n"));
  EXPECT_TRUE(
      contains(said("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", std::nullopt, true),
               "body=none keep [Transfer-Encoding=chunked]\nend\n"));
}

TEST(ResponseParser, KeepsTheLengthOfAnAnswerToHead) {
  ResponseParser parser(true);
  std::string_view input = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  ASSERT_EQ(parser.next(&input)->kind, EventKind::kHead);
  EXPECT_TRUE(parser.head().has_length);
  EXPECT_EQ(parser.head().content_length, 5U);
  ASSERT_EQ(parser.next(&input)->kind, EventKind::kEnd);
}

TEST(ResponseParser, TakesAStatusLineWithoutAReason) {
  EXPECT_TRUE(
      contains(said("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), "head 200 '' 1.1 body=0"));
  EXPECT_TRUE(
      contains(said("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), "head 200 '' 1.1 body=0"));
  EXPECT_TRUE(contains(said("HTTP/1.1 404 N\xC3\xA3o achei\r\nContent-Length: 0\r\n\r\n"),
                       "head 404 'N\xC3\xA3o achei' "));
}

TEST(ResponseParser, TellsInterimAnswersApart) {
  EXPECT_EQ(said("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            "interim 100 'Continue' 1.1 body=none close\n"
            "interim 103 'Early Hints' 1.1 body=none close [Link=</a>]\n"
            "head 200 'OK' 1.1 body=1 keep [Content-Length=1]\nbody x\nend\n");
}

TEST(ResponseParser, BoundsInterimAnswers) {
  std::string answer;
  for (int i = 0; i < limits::kInterimAnswers; ++i) answer += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_TRUE(contains(said(answer + "HTTP/1.1 204 N\r\n\r\n"), "end\n"));
  EXPECT_TRUE(contains(said(answer + "HTTP/1.1 102 P\r\n\r\n"), "error 502 first_byte: "));
}

TEST(ResponseParser, TellsExcessBytes) {
  EXPECT_TRUE(contains(said("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy"), "end\nexcess\n"));
  EXPECT_TRUE(contains(said("HTTP/1.1 204 N\r\n\r\nHTTP/1.1 200 OK\r\n"), "end\nexcess\n"));
}

TEST(ResponseParser, KnowsWhetherTheConnectionIsKept) {
  const auto keeps = [](const std::string& head) {
    return contains(said(head + "Content-Length: 0\r\n\r\n"), " keep ");
  };
  EXPECT_TRUE(keeps("HTTP/1.1 200 OK\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1 200 OK\r\nConnection: close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0 200 OK\r\n"));
  EXPECT_TRUE(keeps("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"));
}

struct Row {
  const char* section;
  std::string bytes;
};

// Fault 10 seen from the other side: framing that two readers could understand differently.
TEST(ResponseParser, RefusesWhatIsAmbiguous) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::vector<Row> rows = {
      {"RFC 9112 §6.3", ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"RFC 9112 §6.3", ok + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"},
      {"RFC 9112 §6.3", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"},
      {"RFC 9112 §6.3", ok + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
      {"RFC 9112 §6.3", ok + "Content-Length: 1, 1\r\n\r\n"},
      {"RFC 9112 §6.3", ok + "Content-Length: one\r\n\r\n"},
      {"RFC 9112 §6.3", ok + "Content-Length: -1\r\n\r\n"},
      {"RFC 9112 §6.1", ok + "Transfer-Encoding: identity\r\n\r\n"},
      {"RFC 9112 §6.1", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n"},
      {"RFC 9112 §6.1", ok + "Transfer-Encoding: chunked, chunked\r\n\r\n"},
      {"RFC 9112 §6.1", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"RFC 9112 §6.1", ok + "Transfer-Encoding: \r\n\r\n"},
      {"RFC 9112 §6.1", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"RFC 9112 §2.3", "HTTP/2.0 200 OK\r\n\r\n"},
      {"RFC 9112 §2.3", "HTTP/1.2 200 OK\r\n\r\n"},
      {"RFC 9112 §4", "200 OK\r\n\r\n"},
      {"RFC 9112 §4", "HTTP/1.1  200 OK\r\n\r\n"},
      {"RFC 9112 §4", "HTTP/1.1 20 OK\r\n\r\n"},
      {"RFC 9112 §4", "HTTP/1.1 2000 OK\r\n\r\n"},
      {"RFC 9112 §4", "HTTP/1.1 099 No\r\n\r\n"},
      {"RFC 9112 §4", "HTTP/1.1 200 OK\n\r\n"},
      {"RFC 9112 §4", "\r\nHTTP/1.1 200 OK\r\n\r\n"},
      {"RFC 9112 §2.2", ok + "A: b\n\r\n"},
      {"RFC 9112 §2.2", ok + "A: b\rC: d\r\n\r\n"},
      {"RFC 9112 §5.2", ok + "A: b\r\n c\r\n\r\n"},
      {"RFC 9112 §5.1", ok + "A : b\r\n\r\n"},
      {"RFC 9112 §5", ok + ": b\r\n\r\n"},
      {"RFC 9110 §5.5", ok + "A: b" + std::string(1, '\0') + "\r\n\r\n"},
      {"RFC 9110 §15.2.2", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"},
      {"RFC 9110 §8.6", "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\nabc"},
      {"RFC 9112 §4", std::string("\x15\x03\x01\x00\x02\x02\x46", 7)},
      {"RFC 6585 §5", ok + "A: " + std::string(limits::kHeadBytes, 'x') + "\r\n\r\n"},
  };
  for (const Row& row : rows) {
    const std::string out = said(row.bytes);
    EXPECT_TRUE(out.starts_with("error 502 first_byte: the upstream's answer"))
        << row.section << out;
  }
}

TEST(ResponseParser, SaysWhetherAnythingCame) {
  ResponseParser parser(false);
  std::string_view nothing;
  ASSERT_TRUE(parser.next(&nothing));
  EXPECT_FALSE(parser.started());
  const auto closed = parser.finish(true);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, Code::kUpstreamClosed);
  EXPECT_EQ(closed.error().stage, Stage::kFirstByte);
  EXPECT_FALSE(parser.started());

  ResponseParser begun(false);
  std::string_view byte = "H";
  ASSERT_TRUE(begun.next(&byte));
  EXPECT_TRUE(begun.started());
}

TEST(ResponseParser, EndsAfterFinishWhereItHadEnded) {
  ResponseParser parser(false);
  std::string_view input = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  ASSERT_EQ(parser.next(&input)->kind, EventKind::kHead);
  ASSERT_EQ(parser.finish(false)->kind, EventKind::kEnd);
}

constexpr std::string_view kSwitch =
    "HTTP/1.1 103 Early Hints\r\n\r\n"
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

// What is behind the head belongs to the other protocol, at whatever byte the input is split.
TEST(ResponseParser, ASwitchThatWasAskedForIsAHeadAndTheRestIsLeft) {
  const std::string all = std::string(kSwitch) + "\x81\x02hi";
  for (size_t split = 0; split <= all.size(); ++split) {
    ResponseParser parser(false, true);
    std::string left;
    int heads = 0;
    for (std::string_view piece : {std::string_view(all).substr(0, split),
                                   std::string_view(all).substr(split)}) {
      while (true) {
        const auto event = parser.next(&piece);
        ASSERT_TRUE(event) << event.error().detail;
        if (event->kind == EventKind::kNeedMore) break;
        heads += event->kind == EventKind::kHead ? 1 : 0;
      }
      left += piece;
    }
    EXPECT_EQ(heads, 1) << split;
    EXPECT_EQ(parser.head().status, 101) << split;
    EXPECT_EQ(left, "\x81\x02hi") << split;
    EXPECT_FALSE(parser.finish(true));
  }
}

TEST(ResponseParser, ASwitchIsRefusedUnaskedOrWithContent) {
  ResponseParser unasked(false);
  std::string_view input = kSwitch;
  ASSERT_TRUE(unasked.next(&input));  // the 103
  ASSERT_FALSE(unasked.next(&input));
  ResponseParser asked(false, true);
  input = "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi";
  EXPECT_EQ(asked.next(&input).error().code, Code::kBadAnswer);
}

}  // namespace
}  // namespace culvert::test
