// What is read along with an answer: whole or cut, first content, usage; at every split.
#include "relay/stream/carry.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace culvert {
namespace {

ResponseHead head(const std::string& type, int status = 200, const std::string& coding = "") {
  ResponseHead made;
  made.status = status;
  made.headers.add("Content-Type", type);
  if (!coding.empty()) made.headers.add("Content-Encoding", coding);
  return made;
}

const std::string kEvents = "text/event-stream; charset=utf-8";
const std::string kFirst =
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n";
const std::string kWhole = kFirst + "data: [DONE]\n\n";

TEST(Carry, AStreamIsWholeAtItsMarkerAtEverySplit) {
  for (size_t split = 0; split <= kWhole.size(); ++split) {
    Carry carry(Dialect::kOpenAi, head(kEvents), true);
    carry.see(kWhole.substr(0, split));
    EXPECT_EQ(carry.ended(), split == kWhole.size()) << split;
    carry.see(kWhole.substr(split));
    EXPECT_TRUE(carry.complete()) << split;
    EXPECT_TRUE(carry.ended()) << split;
    EXPECT_TRUE(carry.at_boundary()) << split;
    EXPECT_TRUE(carry.content_seen()) << split;
    EXPECT_EQ(carry.usage().input, 3) << split;
    EXPECT_EQ(carry.usage().output, 5) << split;
  }
}

TEST(Carry, ACutIsNotWholeWhereverItIs) {
  const size_t first_event = kWhole.find("\n\n") + 2;
  for (size_t cut = first_event; cut < kWhole.size(); ++cut) {
    Carry carry(Dialect::kOpenAi, head(kEvents), true);
    carry.see(kWhole.substr(0, cut));
    EXPECT_FALSE(carry.complete()) << cut;
    EXPECT_FALSE(carry.ended()) << cut;
  }
}

TEST(Carry, FitsAnEventOnlyBetweenEvents) {
  Carry carry(Dialect::kOpenAi, head(kEvents), true);
  EXPECT_TRUE(carry.at_boundary());
  carry.see("data: {\"choices\"");
  EXPECT_FALSE(carry.at_boundary());
  carry.see(":[]}\n\n");
  EXPECT_TRUE(carry.at_boundary());
}

TEST(Carry, AJsonAnswerIsReadForItsUsage) {
  Carry carry(Dialect::kAnthropic, head("application/json"), true);
  const std::string body = R"({"content":[],"usage":{"input_tokens":7,"output_tokens":2}})";
  for (const char c : body) carry.see({&c, 1});
  EXPECT_TRUE(carry.complete());  // its framing says so
  EXPECT_FALSE(carry.ended());    // there is no marker
  EXPECT_FALSE(carry.is_event_stream());
  EXPECT_FALSE(carry.at_boundary());
  EXPECT_EQ(carry.usage().input, 7);
  EXPECT_EQ(carry.usage().output, 2);
}

TEST(Carry, ALargeJsonAnswerIsMeteredWithoutBeingKept) {
  const std::string usage = R"("usage":{"prompt_tokens":7,"completion_tokens":2})";
  for (const bool first : {true, false}) {
    Carry carry(Dialect::kOpenAi, head("application/json"), true);
    carry.see(first ? "{" + usage + R"(,"content":")" : R"({"content":")");
    for (int i = 0; i < 300; ++i) carry.see(std::string(10 * 1024, 'x'));
    carry.see(first ? "\"}" : "\"," + usage + "}");
    EXPECT_EQ(carry.usage().input, 7);
    EXPECT_EQ(carry.usage().output, 2);
    EXPECT_EQ(carry.untold_quarters(), 0U);
  }
}

TEST(Carry, AJsonAnswerThatIsCutIsWeighed) {
  Carry carry(Dialect::kOpenAi, head("application/json"), true);
  carry.see(R"({"choices":[{"message":{"content":"twelve bytes)");
  EXPECT_TRUE(carry.usage().empty());
  EXPECT_EQ(carry.untold_quarters(), 12U);
}

struct Recorded {
  Dialect dialect;
  std::vector<std::string> events;  // each with its empty line
  std::vector<uint64_t> untold;     // quarters of text that the vendor did not count, after each
  Usage usage;                      // in the end
};

const std::vector<Recorded> kRecorded = {
    {Dialect::kOpenAi,
     {R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-6-sol","choices":)"
      R"([{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],)"
      R"("usage":null})"
      "\n\n",
      R"(data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hello"}}],)"
      R"("usage":null})"
      "\n\n",
      R"(data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":" 数据"}}],"usage":null})"
      "\n\n",
      R"(data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],)"
      R"("usage":null})"
      "\n\n",
      R"(data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,)"
      R"("prompt_tokens_details":{"cached_tokens":8},)"
      R"("completion_tokens_details":{"reasoning_tokens":1}}})"
      "\n\n",
      "data: [DONE]\n\n"},
     {0, 5, 14, 14, 0, 0},
     {9, 4, 8, 1}},
    {Dialect::kOpenAi,
     {R"(data: {"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]})"
      "\n\n",
      R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","function":)"
      R"({"name":"look","arguments":"{\"a\""}}]}}]})"
      "\n\n",
      "data: [DONE]\n\n"},
     {2, 6, 6},
     {}},
    {Dialect::kOpenAi,
     {"event: response.created\n"
      R"(data: {"type":"response.created","response":{"instructions":"be kind","usage":null}})"
      "\n\n",
      "event: response.output_text.delta\n"
      R"(data: {"type":"response.output_text.delta","item_id":"msg_1","delta":"Hi the"})"
      "\n\n",
      "event: response.output_text.delta\n"
      R"(data: {"type":"response.output_text.delta","item_id":"msg_1","delta":"re"})"
      "\n\n",
      "event: response.output_text.done\n"
      R"(data: {"type":"response.output_text.done","item_id":"msg_1","text":"Hi there"})"
      "\n\n",
      "event: response.completed\n"
      R"(data: {"type":"response.completed",)"
      R"("response":{"output":[{"content":[{"text":"Hi there"}]}],)"
      R"("usage":{"input_tokens":5,"output_tokens":2}}})"
      "\n\n"},
     {0, 6, 8, 8, 0},
     {5, 2, std::nullopt, std::nullopt}},
    {Dialect::kAnthropic,
     {"event: message_start\n"
      R"(data: {"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[],)"
      R"("usage":{"input_tokens":3,"cache_creation_input_tokens":10,"cache_read_input_tokens":20,)"
      R"("output_tokens":1}}})"
      "\n\n",
      "event: content_block_start\n"
      R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking",)"
      R"("thinking":"","signature":""}})"
      "\n\n",
      "event: content_block_delta\n"
      R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta",)"
      R"("thinking":"hm hm"}})"
      "\n\n",
      "event: content_block_delta\n"
      R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta",)"
      R"("signature":"c2lnc2lnc2ln"}})"
      "\n\n",
      "event: ping\ndata: {\"type\":\"ping\"}\n\n",
      "event: content_block_delta\n"
      R"(data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta",)"
      R"("text":"Yes."}})"
      "\n\n",
      "event: content_block_delta\n"
      R"(data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta",)"
      R"("partial_json":"{\"q\":1}"}})"
      "\n\n",
      "event: message_delta\n"
      R"(data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},)"
      R"("usage":{"output_tokens":12}})"
      "\n\n",
      "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
     {0, 0, 5, 5, 5, 9, 16, 0, 0},
     {33, 12, 20, std::nullopt}},
    {Dialect::kGemini,
     {R"(data: {"candidates":[{"content":{"parts":[{"text":"thought","thought":true}],"role":)"
      R"("model"},"index":0}],"usageMetadata":{"promptTokenCount":6,"totalTokenCount":6}})"
      "\r\n\r\n",
      R"(data: {"candidates":[{"content":{"parts":[{"text":"One "}],"role":"model"}}],)"
      R"("usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":1,"thoughtsTokenCount":2}})"
      "\r\n\r\n",
      R"(data: {"candidates":[{"content":{"parts":[{"text":"two"}],"role":"model"},)"
      R"("finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":2,)"
      R"("thoughtsTokenCount":2,"cachedContentTokenCount":4}})"
      "\r\n\r\n"},
     {7, 0, 0},
     {6, 4, 4, 2}}};

TEST(Carry, MetersRecordedStreamsOfEveryDialectAtEverySplit) {
  for (const Recorded& recorded : kRecorded) {
    std::string bytes;
    for (const std::string& event : recorded.events) bytes += event;
    for (size_t split = 0; split <= bytes.size(); ++split) {
      Carry carry(recorded.dialect, head(kEvents), true);
      carry.see(bytes.substr(0, split));
      carry.see(bytes.substr(split));
      ASSERT_EQ(carry.usage(), recorded.usage) << bytes << split;
      ASSERT_EQ(carry.untold_quarters(), recorded.untold.back()) << bytes << split;
      ASSERT_TRUE(carry.ended());
    }
  }
}

TEST(Carry, KnowsAfterEachEventWhatTheVendorHasNotCounted) {
  for (const Recorded& recorded : kRecorded) {
    Carry carry(recorded.dialect, head(kEvents), true);
    Carry unweighed(recorded.dialect, head(kEvents), false);
    for (size_t i = 0; i < recorded.events.size(); ++i) {
      for (const char& c : recorded.events[i]) carry.see({&c, 1});
      unweighed.see(recorded.events[i]);
      EXPECT_EQ(carry.untold_quarters(), recorded.untold[i]) << recorded.events[i];
      EXPECT_EQ(carry.usage(), unweighed.usage());
      EXPECT_EQ(unweighed.untold_quarters(), 0U);
    }
  }
}

TEST(Carry, MetersGeminisArrayAsItGrows) {
  Carry carry(Dialect::kGemini, head("application/json; charset=UTF-8"), true);
  carry.see(R"([{"candidates":[{"content":{"parts":[{"text":"One "}]}}],)");
  EXPECT_EQ(carry.untold_quarters(), 4U);
  carry.see(R"("usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":1}})");
  EXPECT_EQ(carry.untold_quarters(), 0U);
  EXPECT_EQ(carry.usage().output, 1U);
  carry.see(
      ",\r\n"
      R"({"candidates":[{"content":{"parts":[{"text":"two"}]}}],)");
  EXPECT_EQ(carry.untold_quarters(), 3U);
  carry.see(R"("usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":2}}])");
  EXPECT_EQ(carry.untold_quarters(), 0U);
  EXPECT_EQ(carry.usage(), (Usage{6, 2, std::nullopt, std::nullopt}));
}

TEST(Carry, SaysWhatItCannotRead) {
  EXPECT_FALSE(Carry(Dialect::kOpenAi, head("application/json", 200, "gzip"), true).readable());
  EXPECT_FALSE(Carry(Dialect::kOpaque, head("application/json"), true).readable());
  EXPECT_TRUE(Carry(Dialect::kOpenAi, head("application/json"), true).readable());
  EXPECT_TRUE(Carry(Dialect::kOpenAi, head(kEvents), true).readable());
}

TEST(Carry, WhatCannotBeReadIsJudgedByItsFraming) {
  const ResponseHead heads[] = {head(kEvents, 200, "gzip"), head(kEvents, 500), head("text/html"),
                                head("text/event-streams")};
  for (const ResponseHead& one : heads) {
    Carry carry(Dialect::kOpenAi, one, true);
    carry.see(kFirst);
    EXPECT_TRUE(carry.complete());
    EXPECT_FALSE(carry.ended());
    EXPECT_FALSE(carry.content_seen());
    EXPECT_FALSE(carry.at_boundary());
  }
  Carry opaque(Dialect::kOpaque, head(kEvents), true);
  opaque.see("data: x\n\n");
  EXPECT_TRUE(opaque.complete());
  Carry identity(Dialect::kOpenAi, head(kEvents, 200, "Identity"), true);
  EXPECT_TRUE(identity.is_event_stream());
}

}  // namespace
}  // namespace culvert
