// Recorded shapes of each vendor's streams: what ends them, what breaks them, what they cost.
#include "relay/codec/stream_end.h"

#include "relay/codec/error_body.h"
#include "tests/unit/codec/split.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert::test {
namespace {

StreamEnd see(Dialect dialect, std::string_view text) {
  StreamEnd end(dialect);
  SseParser parser;
  while (const auto event = parser.next(&text)) end.see(*event);
  return end;
}

const std::string kChat =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"usage\":null}\n\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}],\"usage\":null}\n\n"
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n"
    "data: [DONE]\n\n";

const std::string kResponses =
    "event: response.created\ndata: "
    "{\"type\":\"response.created\",\"response\":{\"error\":null}}\n\n"
    "event: response.output_text.delta\ndata: {\"type\":\"x\",\"delta\":\"Hi\"}\n\n"
    "event: response.completed\ndata: "
    "{\"type\":\"response.completed\",\"response\":{\"error\":null,"
    "\"usage\":{\"input_tokens\":9,\"output_tokens\":2}}}\n\n";

const std::string kMessages =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":"
    "{\"input_tokens\":9,\"output_tokens\":1}}}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"content_block\":"
    "{\"type\":\"text\",\"text\":\"\"}}\n\n"
    "event: ping\ndata: {\"type\":\"ping\"}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":"
    "{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n"
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":2}}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

const std::string kGemini =
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}],\"usageMetadata\":"
    "{\"promptTokenCount\":9,\"candidatesTokenCount\":1}}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"STOP\"}],"
    "\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":2}}\r\n\r\n";

struct Stream {
  const char* name;
  Dialect dialect;
  std::string text;
};

const std::vector<Stream>& streams() {
  static const std::vector<Stream> kStreams = {{"chat", Dialect::kOpenAi, kChat},
                                               {"responses", Dialect::kOpenAi, kResponses},
                                               {"messages", Dialect::kAnthropic, kMessages},
                                               {"gemini", Dialect::kGemini, kGemini}};
  return kStreams;
}

TEST(StreamEnd, IsCompleteWithItsMarker) {
  for (const Stream& stream : streams()) {
    const StreamEnd end = see(stream.dialect, stream.text);
    EXPECT_TRUE(end.complete()) << stream.name;
    EXPECT_TRUE(end.marked()) << stream.name;
    EXPECT_FALSE(end.errored()) << stream.name;
    EXPECT_EQ(end.usage().input, 9U) << stream.name;
    EXPECT_EQ(end.usage().output, 2U) << stream.name;
  }
}

// Where a stream is cut, it may only look complete when the event that ends it was whole: up to the
// line end that dispatches it.
TEST(StreamEnd, LooksCompleteAtNoCut) {
  for (const Stream& stream : streams()) {
    const size_t whole = stream.text.find_last_not_of("\r\n") + 1;
    for (size_t cut = 0; cut <= whole; ++cut) {
      EXPECT_FALSE(see(stream.dialect, std::string_view(stream.text).substr(0, cut)).complete())
          << stream.name << " cut at " << cut;
    }
  }
}

TEST(StreamEnd, SeesTheFirstContent) {
  for (const Stream& stream : streams()) {
    const size_t event_end = stream.text.find("\n", stream.text.find("Hi")) + 3;
    StreamEnd end = see(stream.dialect, std::string_view(stream.text).substr(0, event_end));
    EXPECT_TRUE(end.content_seen()) << stream.name;
    const size_t before = stream.text.rfind("data:", stream.text.find("Hi"));
    end = see(stream.dialect, std::string_view(stream.text).substr(0, before));
    EXPECT_FALSE(end.content_seen()) << stream.name;
  }
}

TEST(StreamEnd, CountsThoughtsAndToolCallsAsContent) {
  EXPECT_TRUE(
      see(Dialect::kOpenAi, "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n")
          .content_seen());
  EXPECT_TRUE(see(Dialect::kOpenAi, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{}]}}]}\n\n")
                  .content_seen());
  EXPECT_TRUE(see(Dialect::kOpenAi, "data: {\"choices\":[{\"text\":\"a\"}]}\n\n").content_seen());
  EXPECT_TRUE(see(Dialect::kGemini,
                  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{}}]}}]}\n\n")
                  .content_seen());
  EXPECT_TRUE(
      see(Dialect::kAnthropic,
          "event: content_block_start\ndata: {\"content_block\":{\"type\":\"tool_use\"}}\n\n")
          .content_seen());
}

TEST(StreamEnd, KnowsEveryEndOfResponses) {
  for (const char* type : {"response.completed", "response.failed", "response.incomplete"}) {
    const std::string named = std::string("event: ") + type + "\ndata: {}\n\n";
    EXPECT_TRUE(see(Dialect::kOpenAi, named).marked()) << type;
    const std::string bare = std::string("data: {\"type\":\"") + type + "\"}\n\n";
    EXPECT_TRUE(see(Dialect::kOpenAi, bare).marked()) << type;
  }
  EXPECT_TRUE(see(Dialect::kOpenAi, "event: response.failed\ndata: {}\n\n").errored());
  EXPECT_FALSE(see(Dialect::kOpenAi, "event: response.incomplete\ndata: {}\n\n").errored());
}

TEST(StreamEnd, KnowsEveryEndOfGemini) {
  EXPECT_TRUE(see(Dialect::kGemini, "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n")
                  .marked());
  EXPECT_FALSE(
      see(Dialect::kGemini, "data: {\"candidates\":[{\"finishReason\":null}]}\n\n").marked());
}

// Fault of other relays: a word in a model's text was taken for the end or for a block.
TEST(StreamEnd, IsNotFooledByText) {
  EXPECT_FALSE(see(Dialect::kGemini,
                   "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":"
                   "\"\\\"finishReason\\\": \\\"STOP\\\" blockReason \\\"error\\\"\"}]}}]}\n\n")
                   .marked());
  const StreamEnd chat =
      see(Dialect::kOpenAi,
          "data: {\"choices\":[{\"delta\":{\"content\":\"[DONE] \\\"error\\\"\"}}]}\n\n");
  EXPECT_FALSE(chat.marked());
  EXPECT_FALSE(chat.errored());
  EXPECT_FALSE(see(Dialect::kAnthropic,
                   "event: content_block_delta\ndata: {\"delta\":{\"text\":\"message_stop\"}}\n\n")
                   .marked());
}

TEST(StreamEnd, SeesTheUpstreamsErrors) {
  EXPECT_TRUE(see(Dialect::kOpenAi, "data: {\"error\":{\"message\":\"no\"}}\n\n").errored());
  EXPECT_TRUE(
      see(Dialect::kOpenAi, "event: error\ndata: {\"type\":\"error\",\"code\":1}\n\n").errored());
  EXPECT_TRUE(see(Dialect::kAnthropic, "event: error\ndata: {\"type\":\"error\"}\n\n").errored());
  EXPECT_TRUE(see(Dialect::kAnthropic, "data: {\"type\":\"error\"}\n\n").errored());
  EXPECT_TRUE(see(Dialect::kGemini, "data: {\"error\":{\"code\":503}}\n\n").errored());
}

// What the relay says in a stream is read by its own reader as an error too.
TEST(StreamEnd, SeesTheRelaysOwnErrors) {
  const Error error = Error::upstream(Code::kUpstreamClosed, Stage::kBody, Retry::kNever, "cut");
  for (const Dialect dialect : {Dialect::kOpenAi, Dialect::kAnthropic, Dialect::kGemini}) {
    const StreamEnd end = see(dialect, error_event(dialect, error, "id", WallTime{}));
    EXPECT_TRUE(end.errored());
    EXPECT_FALSE(end.marked());
  }
}

TEST(StreamEnd, AsksForNoMarkerWhereTheDialectHasNone) {
  EXPECT_TRUE(see(Dialect::kOpaque, "").complete());
  EXPECT_TRUE(see(Dialect::kOpenAi, "event: message-end\ndata: {\"other\":1}\n\n").complete());
  EXPECT_TRUE(
      see(Dialect::kAnthropic, "event: completion\ndata: {\"completion\":\"a\"}\n\n").complete());
  EXPECT_FALSE(see(Dialect::kOpenAi, "").complete());
}

TEST(StreamEnd, SurvivesAnyData) {
  for (const Dialect dialect :
       {Dialect::kOpaque, Dialect::kOpenAi, Dialect::kAnthropic, Dialect::kGemini}) {
    for (const char* data :
         {"", "null", "[]", "7", "\"error\"", "{\"error\"", "{\"choices\":7,\"error\":null}",
          "{\"choices\":[7,{\"delta\":7}],\"usage\":7}",
          "{\"candidates\":[null,{\"content\":{\"parts\":[3]}}]}",
          "{\"candidates\":{\"finishReason\":1}}", "[{\"error\":{}}]", "{\"type\":7}"}) {
      const StreamEnd end = see(dialect, std::string("data: ") + data + "\n\n");
      EXPECT_FALSE(end.marked()) << data;
      EXPECT_FALSE(end.content_seen()) << data;
    }
  }
}

}  // namespace
}  // namespace culvert::test
