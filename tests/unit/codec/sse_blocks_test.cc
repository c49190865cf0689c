// Event streams in blocks: together they are the stream, byte for byte, at every split.
#include "relay/codec/sse_blocks.h"

#include "tests/unit/codec/split.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert::test {
namespace {

// The events' data, and all raws one after the other.
std::string said(std::string_view input, size_t limit = limits::kSseEventBytes) {
  return at_every_split(input, [limit](const Pieces& pieces) {
    SseBlocks blocks(limit);
    std::string data;
    std::string raw;
    for (const Piece& piece : pieces) {
      std::string_view bytes = piece.view();
      while (const auto block = blocks.next(&bytes)) {
        raw += block->raw;
        if (block->event) data += std::string(block->event->data) + "|";
      }
      EXPECT_TRUE(bytes.empty());
    }
    return data + "\n" + raw + std::string(blocks.unfinished());
  });
}

TEST(SseBlocks, KeepEveryByteWithEveryLineEnd) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    std::string text = "\xEF\xBB\xBF: hi" + end + end + "event: e" + end + "data: 1" + end +
                       "data:2" + end + end + "x" + end + end + "id: 3" + end + "data: 4" + end +
                       end + ": half";
    EXPECT_EQ(said(text), "1\n2|4|\n" + text);
  }
}

TEST(SseBlocks, KeepEveryByteOfWhatIsTooLarge) {
  const std::string text = "data: " + std::string(100, 'x') + "\n\ndata: b\n\n";
  EXPECT_EQ(said(text, 50), "b|\n" + text);
}

TEST(SseBlocks, BoundCommentsInsideAnEvent) {
  SseBlocks blocks(50);
  std::string_view first = "data: a\n";
  EXPECT_FALSE(blocks.next(&first));
  for (int i = 0; i < 30 && !blocks.overflowed(); ++i) {
    std::string_view comment = ": keep-alive\n";
    EXPECT_FALSE(blocks.next(&comment));
  }
  EXPECT_TRUE(blocks.overflowed());
  EXPECT_LT(blocks.unfinished().size(), 200U);
}

TEST(SseBlocks, WritesEventsInTheStreamsOwnLineEnds) {
  EXPECT_EQ(line_end_of("data: a\r\n\r\n"), "\r\n");
  EXPECT_EQ(line_end_of("\ndata: a\r\rx"), "\r");
  EXPECT_EQ(line_end_of("data: a\n\n"), "\n");
  EXPECT_EQ(sse_text("", "{\n}", "\r\n"), "data: {\r\ndata: }\r\n\r\n");
  EXPECT_EQ(sse_text("e", "x", "\n"), "event: e\ndata: x\n\n");
  EXPECT_EQ(without_byte_order_mark("\xEF\xBB\xBFx"), "x");
}

}  // namespace
}  // namespace culvert::test
