// Requests that are taken, and what is said of them; the refused ones are in the smuggling corpus.
#include "relay/codec/request_parser.h"

#include "tests/unit/codec/split.h"
#include "tests/unit/codec/transcript.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert::test {
namespace {

std::string said(std::string_view input, const HeadLimits& limits = kLimits) {
  return at_every_split(input,
                        [&](const Pieces& pieces) { return request_transcript(pieces, limits); });
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(RequestParser, EndsARequestWithoutBodyWithItsHead) {
  EXPECT_EQ(said("GET /a?b=c HTTP/1.1\r\nHost: example.com:8080\r\nX-One:  two \r\n\r\n"),
            "head GET /a?b=c 1.1 host=example.com:8080 body=none keep "
            "[Host=example.com:8080] [X-One=two]\nend\nidle\n");
}

TEST(RequestParser, CountsALength) {
  EXPECT_EQ(
      said("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
      "head POST /p 1.1 host=a body=5 keep [Host=a] [Content-Length=5]\nbody hello\nend\nidle\n");
  EXPECT_EQ(said("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
            "head POST /p 1.1 host=a body=0 keep [Host=a] [Content-Length=0]\nend\nidle\n");
}

TEST(RequestParser, TakesChunksApartAndDropsExtensionsAndTrailers) {
  EXPECT_EQ(said("PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"),
            "head PUT /p 1.1 host=a body=chunked keep [Host=a] [Transfer-Encoding=chunked]\n"
            "body hello0123456789\nend\nidle\n");
}

TEST(RequestParser, TakesPipelinedRequestsOneAfterTheOther) {
  EXPECT_EQ(
      said("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
           "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n"
           "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
           "DELETE /4 HTTP/1.1\r\nHost: b\r\n\r\n"),
      "head GET /1 1.1 host=a body=none keep [Host=a]\nend\n"
      "head POST /2 1.1 host=a body=2 keep [Host=a] [Content-Length=2]\nbody hi\nend\n"
      "head POST /3 1.1 host=a body=chunked keep [Host=a] [Transfer-Encoding=chunked]\n"
      "body x\nend\n"
      "head DELETE /4 1.1 host=b body=none keep [Host=b]\nend\nidle\n");
}

TEST(RequestParser, IgnoresWhatFollowsConnectionClose) {
  const std::string first = "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string head =
      "head GET /1 1.1 host=a body=none close [Host=a] [Connection=close]\nend\nopen\n";
  EXPECT_EQ(said(first + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"), head);
  EXPECT_EQ(said(first + "\x16\x03\x01 anything"), head);
}

TEST(RequestParser, KeepsHttp10OnlyWhereAsked) {
  EXPECT_EQ(said("GET / HTTP/1.0\r\n\r\nGET /2"),
            "head GET / 1.0 host= body=none close\nend\nopen\n");
  EXPECT_TRUE(contains(said("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), " keep "));
  EXPECT_TRUE(contains(
      said("GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: Close\r\n\r\n"), " close "));
}

TEST(RequestParser, LeavesATunnelsBytesAlone) {
  RequestParser parser(kLimits);
  std::string_view input =
      "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n\x16\x03GET";
  ASSERT_EQ(parser.next(&input)->kind, EventKind::kHead);
  EXPECT_EQ(parser.head().target, "a.example:443");
  ASSERT_EQ(parser.next(&input)->kind, EventKind::kEnd);
  ASSERT_EQ(parser.next(&input)->kind, EventKind::kNeedMore);
  EXPECT_EQ(input, "\x16\x03GET");
}

// llhttp would stop for another protocol after such a request; nothing is agreed on yet.
TEST(RequestParser, ReadsARequestWithUpgradeAsAnyOther) {
  EXPECT_EQ(
      said("GET /s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
           "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
      "head GET /s 1.1 host=a body=none keep [Host=a] [Connection=Upgrade] "
      "[Upgrade=websocket]\nend\nhead GET /2 1.1 host=a body=none keep [Host=a]\nend\nidle\n");
  EXPECT_TRUE(contains(said("POST /s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
                            "Content-Length: 3\r\n\r\nabc"),
                       "body abc\nend\nidle\n"));
}

TEST(RequestParser, TurnsAbsoluteFormIntoOriginForm) {
  EXPECT_TRUE(contains(said("GET http://A.example:80/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n"),
                       "head GET /x?y 1.1 host=A.example:80 "));
  EXPECT_TRUE(
      contains(said("GET https://a?q HTTP/1.1\r\nHost: a:443\r\n\r\n"), "head GET /?q 1.1 "));
  EXPECT_TRUE(contains(said("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"), "head GET / 1.1 "));
  EXPECT_TRUE(
      contains(said("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n"), "head OPTIONS * 1.1 "));
  EXPECT_TRUE(contains(said("GET http://a/ HTTP/1.0\r\n\r\n"), "head GET / 1.0 host=a "));
}

TEST(RequestParser, KeepsPathAndQueryByteForByte) {
  const std::string target = "//x/%2F%41;p=1/@:!$&'()*+,/{|}~^`\"<>?a=%zz&b=//../\\..";
  EXPECT_TRUE(contains(said("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n"),
                       "head GET " + target + " 1.1 "));
}

TEST(RequestParser, SaysWhereAClientWaitsFor100) {
  EXPECT_TRUE(contains(said("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n"
                            "Content-Length: 1\r\n\r\nx"),
                       " keep expect "));
  EXPECT_FALSE(contains(said("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                             "Content-Length: 0\r\n\r\n"),
                        " expect "));
  EXPECT_FALSE(contains(said("POST / HTTP/1.0\r\nHost: a\r\nExpect: anything\r\n"
                             "Content-Length: 1\r\n\r\nx"),
                        " expect "));
}

TEST(RequestParser, HoldsItsLimitsToTheByte) {
  const std::string head = "GET /1234 HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n";
  EXPECT_TRUE(contains(said(head, {head.size(), 2, 5}), "end\nidle\n"));
  EXPECT_TRUE(contains(said(head, {head.size() - 1, 2, 5}), "error 431 limit: "));
  EXPECT_TRUE(contains(said(head, {head.size(), 1, 5}), "error 431 limit: "));
  EXPECT_TRUE(contains(said(head, {head.size(), 2, 4}), "error 414 limit: "));
}

TEST(RequestParser, CountsEachHeadOfAConnectionForItself) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n";
  std::string many;
  for (int i = 0; i < 20; ++i) many += head;
  const std::string out = said(many, {head.size(), 2, 1});
  EXPECT_FALSE(contains(out, "error")) << out;
}

TEST(RequestParser, HoldsNoMoreOfAHeadThanItsLimit) {
  RequestParser parser(kLimits);
  std::string_view start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  ASSERT_TRUE(parser.next(&start));
  const std::string filler(1024, 'x');
  size_t fed = 0;
  while (fed < 2 * limits::kHeadBytes) {
    std::string_view piece = filler;
    const auto event = parser.next(&piece);
    if (!event) {
      EXPECT_EQ(event.error().code, Code::kHeadTooLarge);
      EXPECT_LE(fed, limits::kHeadBytes);
      return;
    }
    fed += filler.size();
  }
  FAIL() << "a head without end was taken";
}

TEST(RequestParser, RefusesWithTheFirstByteThatProvesIt) {
  struct Case {
    const char* good;
    char bad;
  };
  for (const Case& each :
       {Case{"BR", 0}, Case{"GE", '\x01'}, Case{"GET ", ' '}, Case{"GET / HTTP/", '2'},
        Case{"GET / HTTP/1.1\r", 'x'}, Case{"GET / HTTP/1.1\r\nHost: a\r\n", ' '},
        Case{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 'X'}}) {
    RequestParser parser(kLimits);
    std::string_view good = each.good;
    if (each.bad == 0) {
      EXPECT_FALSE(parser.next(&good)) << each.good;
      continue;
    }
    EXPECT_TRUE(parser.next(&good)) << each.good;
    std::string_view bad(&each.bad, 1);
    EXPECT_FALSE(parser.next(&bad)) << each.good;
  }
}

TEST(RequestParser, StaysFailed) {
  RequestParser parser(kLimits);
  std::string_view bad = "BREW / HTTP/1.1\r\n\r\n";
  ASSERT_FALSE(parser.next(&bad));
  std::string_view good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto again = parser.next(&good);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kNotImplemented);
  EXPECT_EQ(again.error().fault, Fault::kClient);
}

TEST(RequestParser, IsIdleBetweenMessagesOnly) {
  RequestParser parser(kLimits);
  EXPECT_TRUE(parser.idle());
  std::string_view empty_line = "\r\n";
  ASSERT_TRUE(parser.next(&empty_line));
  EXPECT_TRUE(parser.idle());
  std::string_view first = "G";
  ASSERT_TRUE(parser.next(&first));
  EXPECT_FALSE(parser.idle());
  std::string_view rest = "ET / HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(parser.next(&rest)->kind, EventKind::kHead);
  EXPECT_FALSE(parser.idle());
  ASSERT_EQ(parser.next(&rest)->kind, EventKind::kEnd);
  EXPECT_TRUE(parser.idle());
}

// Node's CVE-2024-22019: extensions of many chunks count together.
TEST(RequestParser, CountsExtensionsOfTheWholeBody) {
  std::string body = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 30; ++i) body += "1;" + std::string(100, 'e') + "\r\nx\r\n";
  EXPECT_TRUE(contains(said(body), "error 400 request: the chunk extensions"));
}

TEST(RequestParser, BoundsTheNumberOfTrailers) {
  std::string body = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  std::string few = body;
  for (size_t i = 0; i < limits::kTrailerFields; ++i) few += "a: b\r\n";
  EXPECT_TRUE(contains(said(few + "\r\n"), "end\nidle\n"));
  EXPECT_TRUE(contains(said(few + "a: b\r\n\r\n"), "error 431 "));
}

}  // namespace
}  // namespace culvert::test
