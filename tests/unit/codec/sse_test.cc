// The standard's own examples and what real providers send, at every split.
#include "relay/codec/sse.h"

#include "tests/unit/codec/split.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert::test {
namespace {

std::string said(std::string_view input, size_t limit = limits::kSseEventBytes) {
  return at_every_split(input, [limit](const Pieces& pieces) {
    SseParser parser(limit);
    std::string out;
    for (const Piece& piece : pieces) {
      std::string_view bytes = piece.view();
      while (const auto event = parser.next(&bytes)) {
        out += std::string(event->type) + "|" + std::string(event->data) + "|" +
               std::string(event->id) + (event->retry ? "|" + std::to_string(*event->retry) : "") +
               "\n";
      }
      EXPECT_TRUE(bytes.empty());
    }
    if (parser.overflowed()) out += "overflowed\n";
    out += parser.at_boundary() ? "between" : "within";
    return out;
  });
}

TEST(SseParser, ReadsEventsWithEveryLineEnd) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const std::string text =
        "event: a" + end + "data: 1" + end + "data:2" + end + end + "data: x" + end + end;
    EXPECT_EQ(said(text), "a|1\n2|\n|x|\nbetween");
  }
}

TEST(SseParser, ReadsFieldsAsTheStandardSays) {
  EXPECT_EQ(said("data\n\ndata\ndata\n\ndata:"), "||\n|\n|\nwithin");
  EXPECT_EQ(said("data:test\n\ndata: test\n\n"), "|test|\n|test|\nbetween");
  EXPECT_EQ(said("Data: a\n\n"), "between");
}

TEST(SseParser, SkipsCommentsAndUnknownFields) {
  EXPECT_EQ(said(": ping\n\nfoo: bar\ndata:  two spaces\n:x\n\n"), "| two spaces|\nbetween");
}

TEST(SseParser, KeepsTheLastIdAndTakesRetry) {
  EXPECT_EQ(said("id: 7\ndata: a\n\ndata: b\nretry: 250\n\nid\ndata: c\nretry: x1\n\n"),
            "|a|7\n|b|7|250\n|c|\nbetween");
  EXPECT_EQ(said(std::string("id: 1\ndata: a\n\nid: b\0c\ndata: d\n\n", 32)),
            "|a|1\n|d|1\nbetween");
}

TEST(SseParser, TakesAByteOrderMarkAtTheStartOnly) {
  EXPECT_EQ(said("\xEF\xBB\xBF"
                 "data: a\n\n"),
            "|a|\nbetween");
  EXPECT_EQ(said("\xEF\xBB\xBF\n"
                 "data: a\n\n"),
            "|a|\nbetween");
  EXPECT_EQ(said("data: a\n\n\xEF\xBB\xBF"
                 "data: b\n\n"),
            "|a|\nbetween");
}

TEST(SseParser, GivesNoEventWithoutDataOrWithoutItsEnd) {
  EXPECT_EQ(said("event: a\n\n"), "between");
  EXPECT_EQ(said("data: a\n"), "within");
  EXPECT_EQ(said("data: a"), "within");
  EXPECT_EQ(said("event: lost\n\ndata: a\n\n"), "|a|\nbetween");
}

TEST(SseParser, KnowsWhereACommentMayBeInserted) {
  EXPECT_EQ(said(""), "between");
  EXPECT_EQ(said(": comment\n"), "between");
  EXPECT_EQ(said(": comm"), "within");
  EXPECT_EQ(said("data: a\n\nd"), "|a|\nwithin");
  EXPECT_EQ(said("data: a\n\r\n"), "|a|\nbetween");
}

TEST(SseParser, SkipsAnEventThatIsTooLargeAndGoesOn) {
  const std::string large(100, 'x');
  EXPECT_EQ(said("data: a\n\ndata: " + large + "\ndata: y\n\nevent: e\ndata: b\n\n", 50),
            "|a|\ne|b|\noverflowed\nbetween");
  EXPECT_EQ(said("data: " + large, 50), "overflowed\nwithin");
  std::string lines;
  for (int i = 0; i < 30; ++i) lines += "data: y\n";
  EXPECT_EQ(said(lines + "\ndata: b\n\n", 50), "|b|\noverflowed\nbetween");
}

TEST(SseParser, DoesNotCountCommentsAgainstAnEvent) {
  std::string lines = "data: a\n";
  for (int i = 0; i < 30; ++i) lines += ": keep-alive\n";
  EXPECT_EQ(said(lines + "\n", 50), "|a|\nbetween");
}

}  // namespace
}  // namespace culvert::test
