// Goal: every event gets its number whatever way its stream is written or split, nothing else gets
// one, and what a reader of events sees is otherwise the same. Method: streams whole, byte by byte
// and at each split point, read again with the parser of the relay.
#include "relay/codec/sse_numbers.h"

#include "relay/codec/sse.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace culvert {
namespace {

struct Numbered {
  std::string text;           // all of it
  std::vector<uint64_t> ids;  // of its events
  std::vector<std::string> events;
};

void take(SseNumbers& numbers, std::string_view bytes, Numbered* out) {
  while (auto piece = numbers.next(&bytes)) {
    out->text += piece->text;
    if (piece->id == 0) continue;
    out->ids.push_back(piece->id);
    out->events.push_back(piece->text);
  }
  EXPECT_TRUE(bytes.empty());
}

Numbered number(const std::vector<std::string_view>& parts) {
  SseNumbers numbers(1024);
  Numbered out;
  for (const std::string_view part : parts) take(numbers, part, &out);
  if (auto last = numbers.end()) {
    out.text += last->text;
    if (last->id > 0) out.ids.push_back(last->id);
  }
  return out;
}

Numbered at_each_split(const std::string& stream) {
  const Numbered whole = number({stream});
  SseNumbers numbers(1024);
  Numbered slow;
  for (const char& c : stream) take(numbers, {&c, 1}, &slow);
  for (size_t at = 0; at <= stream.size(); ++at) {
    const std::string_view text = stream;
    const Numbered split = number({text.substr(0, at), text.substr(at)});
    EXPECT_EQ(split.ids, whole.ids) << at;
    EXPECT_EQ(split.events, whole.events) << at;
    EXPECT_EQ(split.text, whole.text) << at;
  }
  EXPECT_EQ(slow.events, whole.events);
  return whole;
}

std::vector<std::string> read(std::string_view stream) {
  SseParser parser;
  std::vector<std::string> out;
  while (const auto event = parser.next(&stream)) {
    out.push_back(std::string(event->type) + "|" + std::string(event->data) + "|" +
                  std::string(event->id));
  }
  return out;
}

TEST(SseNumbers, AnEventGetsItsNumberBeforeItsOtherLines) {
  EXPECT_EQ(at_each_split("data: a\n\nevent: x\ndata: b\ndata: c\n\n").text,
            "id: 1\ndata: a\n\nid: 2\nevent: x\ndata: b\ndata: c\n\n");
}

TEST(SseNumbers, TheStreamsOwnIdsGo) {
  EXPECT_EQ(
      at_each_split("id: 77\ndata: a\n\ndata: b\nid\n\nid: 9\n\ndata: c\nid:x\ndata: d\n\n").text,
      "id: 1\ndata: a\n\nid: 2\ndata: b\n\n\nid: 3\ndata: c\ndata: d\n\n");
}

TEST(SseNumbers, WhatIsNoEventGetsNone) {
  const Numbered out = at_each_split(": hello\n\nretry: 3000\n\n\ndata: a\n: inside\n\n: end\n");
  EXPECT_EQ(out.text, ": hello\n\nretry: 3000\n\n\nid: 1\ndata: a\n: inside\n\n: end\n");
  EXPECT_EQ(out.ids, (std::vector<uint64_t>{1}));
}

TEST(SseNumbers, ACommentComesAtOnce) {
  SseNumbers numbers(1024);
  std::string_view bytes = ": awake\n";
  const auto piece = numbers.next(&bytes);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->text, ": awake\n");
}

TEST(SseNumbers, LinesEndAsTheStreamsDo) {
  EXPECT_EQ(at_each_split("data: a\r\n\r\nevent: x\r\ndata: b\r\n\r\n").text,
            "id: 1\r\ndata: a\r\n\r\nid: 2\r\nevent: x\r\ndata: b\r\n\r\n");
  EXPECT_EQ(at_each_split("data: a\r\rdata: b\r\r").text, "id: 1\rdata: a\r\rid: 2\rdata: b\r\r");
}

TEST(SseNumbers, AByteOrderMarkDoesNotHideTheFirstLine) {
  EXPECT_EQ(at_each_split("\xEF\xBB\xBF"
                          "data: a\n\n")
                .text,
            "id: 1\ndata: a\n\n");
  EXPECT_EQ(at_each_split("\xEF\xBB\xBF"
                          "id: 5\ndata: a\n\n")
                .text,
            "id: 1\ndata: a\n\n");
}

TEST(SseNumbers, AReaderSeesTheSameEventsEachWithItsNumber) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    std::string stream;
    for (const char* line :
         {": c", "", "event: a", "id: up", "data: 1", "", "data", "", "data:", "", "data: x",
          "data: y", "", "retry: 5", "", "foo: bar", "data: z", ""}) {
      stream += line + end;
    }
    EXPECT_EQ(read(at_each_split(stream).text),
              (std::vector<std::string>{"a|1|1", "||2", "||3", "|x\ny|4", "|z|5"}));
  }
}

TEST(SseNumbers, ALastEventWithoutItsEmptyLineIsOne) {
  const Numbered out = at_each_split("data: a\n\ndata: [DONE]\n");
  EXPECT_EQ(out.text, "id: 1\ndata: a\n\nid: 2\ndata: [DONE]\n");
  EXPECT_EQ(out.ids, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(at_each_split("data: a\n\ndata: [DO").text, "id: 1\ndata: a\n\nid: 2\ndata: [DO");
  EXPECT_EQ(at_each_split("data: a\n\nid: 4").text, "id: 1\ndata: a\n\n");
}

TEST(SseNumbers, HalfAnEventIsForgottenOnDemand) {
  SseNumbers numbers(1024);
  Numbered out;
  take(numbers, "data: a\n\nevent: x\ndata: ha", &out);
  EXPECT_EQ(numbers.take_unfinished(), "event: x\ndata: ha");
  take(numbers, "event: error\ndata: cut\n\n", &out);
  EXPECT_EQ(out.text, "id: 1\ndata: a\n\nid: 2\nevent: error\ndata: cut\n\n");
}

TEST(SseNumbers, AnEventThatIsTooLargeIsSeen) {
  SseNumbers numbers(16);
  Numbered out;
  take(numbers, "data: 0123456789\n\n", &out);
  EXPECT_FALSE(numbers.overflowed());
  take(numbers, "data: 0\ndata: 0123456789", &out);
  EXPECT_TRUE(numbers.overflowed());
  EXPECT_EQ(numbers.take_unfinished(), "data: 0\ndata: 0123456789");
}

}  // namespace
}  // namespace culvert
