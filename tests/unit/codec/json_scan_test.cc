// Text is weighed and usage found in JSON that comes in pieces: the same at every split, only what
// is text, and no more kept than the usage.
#include "relay/codec/json_scan.h"

#include "tests/unit/codec/split.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace culvert {
namespace {

uint64_t weight(JsonScan::Names names, const std::string& json) {
  return test::at_every_split(json, [&](const test::Pieces& pieces) {
    JsonScan scan(names);
    for (const auto& piece : pieces) scan.feed(piece.view());
    return scan.quarters();
  });
}

Usage usage(Dialect dialect, const std::string& json) {
  JsonScan scan(JsonScan::kAnswer);
  Usage found;
  test::at_every_split(json, [&](const test::Pieces& pieces) {
    JsonScan one(JsonScan::kNone);
    for (const auto& piece : pieces) one.feed(piece.view());
    found = one.usage(dialect);
    return std::tuple(one.usages(), found.input, found.output, found.cached, found.reasoning);
  });
  return found;
}

TEST(JsonScan, WeighsTextByItsAlphabet) {
  EXPECT_EQ(weight(JsonScan::kAnswer, R"({"text":"abcdefgh"})"), 8U);
  EXPECT_EQ(weight(JsonScan::kAnswer, R"({"text":"façade"})"), 5U + 2U);
  EXPECT_EQ(weight(JsonScan::kAnswer, R"({"text":"数据流"})"), 12U);
  EXPECT_EQ(weight(JsonScan::kAnswer, R"({"text":"🚀"})"), 8U);
  EXPECT_EQ(weight(JsonScan::kAnswer, R"({"text":"long ASCII with 数据 in its middle, and on"})"),
            16U + 8U + 22U);
}

TEST(JsonScan, WeighsEscapesAsWhatTheyStandFor) {
  EXPECT_EQ(weight(JsonScan::kAnswer, R"({"text":"\n\"\\\/"})"), 4U);
  EXPECT_EQ(weight(JsonScan::kAnswer, R"({"text":"\u0041\u00e9\u6570"})"), 1U + 2U + 4U);
  EXPECT_EQ(weight(JsonScan::kAnswer, R"({"text":"\ud83d\ude80"})"), 8U);
}

TEST(JsonScan, TokensAreQuartersRoundedUp) {
  EXPECT_EQ(tokens_of(0), 0U);
  EXPECT_EQ(tokens_of(1), 1U);
  EXPECT_EQ(tokens_of(4), 1U);
  EXPECT_EQ(tokens_of(5), 2U);
}

TEST(JsonScan, LeavesOutWhatIsNoText) {
  const std::string chat =
      R"({"id":"chatcmpl-0123456789","model":"gpt-6-sol","choices":[{"index":0,"delta":)"
      R"({"role":"assistant","content":"Hello","tool_calls":[{"id":"call_1","function":)"
      R"({"name":"look","arguments":"{\"q\":1}"}}]},"finish_reason":null}]})";
  EXPECT_EQ(weight(JsonScan::kChatDelta, chat), 5U + 7U);
  const std::string image =
      R"({"messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":)"
      R"("image_url","image_url":{"url":"data:image/png;base64,AAAAAAAAAAAAAAAA"}}]}]})";
  EXPECT_EQ(weight(JsonScan::kRequest, image), 5U);
}

TEST(JsonScan, AValueBehindATextIsNotTextForIt) {
  EXPECT_EQ(weight(JsonScan::kRequest, R"({"content":"ab","role":"user"})"), 2U);
  EXPECT_EQ(weight(JsonScan::kRequest, R"({"content":["ab",{"type":"x"}],"role":"user"})"), 2U);
  EXPECT_EQ(weight(JsonScan::kRequest, R"({"input":["ab","cd"],"model":"m"})"), 4U);
}

TEST(JsonScan, AToolsArgumentsAreTextToTheirLastLeaf) {
  const std::string parts =
      R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":)"
      R"({"city":"Rome","days":["mo","tu"]}},"thoughtSignature":"c2ln"}],"role":"model"}}]})";
  EXPECT_EQ(weight(JsonScan::kAnswer, parts), 4U + 4U + 4U + 4U);  // city Rome days mo+tu
}

TEST(JsonScan, OfResponsesOnlyDeltasCount) {
  EXPECT_EQ(weight(JsonScan::kPlainDelta,
                   R"({"type":"response.output_text.delta","item_id":"msg_1","delta":"Hey"})"),
            3U);
  EXPECT_EQ(weight(JsonScan::kPlainDelta,
                   R"({"type":"response.output_text.done","item_id":"msg_1","text":"Hey"})"),
            0U);
}

TEST(JsonScan, FindsTheUsageOfEachDialect) {
  const Usage openai =
      usage(Dialect::kOpenAi,
            R"({"id":"x","choices":[{"message":{"content":"a \"usage\": {\"prompt_tokens\":9}"}}],)"
            R"("usage":{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":)"
            R"({"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":1}},"x":{}})");
  EXPECT_EQ(openai, (Usage{7, 2, 3, 1}));
  const Usage anthropic =
      usage(Dialect::kAnthropic,
            R"({"type":"message","usage":{"input_tokens":5,"cache_read_input_tokens":4,)"
            R"("cache_creation":{"ephemeral_5m_input_tokens":0},"output_tokens":6}})");
  EXPECT_EQ(anthropic, (Usage{9, 6, 4, std::nullopt}));
  const Usage gemini =
      usage(Dialect::kGemini, R"([{"usageMetadata":{"promptTokenCount":3}},)"
                              R"({"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":8,)"
                              R"("thoughtsTokenCount":2}}])");
  EXPECT_EQ(gemini, (Usage{3, 10, std::nullopt, 2}));
}

TEST(JsonScan, OnlyTheDocumentsOwnUsageCounts) {
  EXPECT_TRUE(usage(Dialect::kOpenAi, R"({"data":{"usage":{"prompt_tokens":7}}})").empty());
  EXPECT_TRUE(usage(Dialect::kOpenAi, R"({"data":[{"usage":{"prompt_tokens":7}}]})").empty());
  EXPECT_TRUE(usage(Dialect::kOpenAi, R"({"usage":null,"x":{"prompt_tokens":7}})").empty());
  EXPECT_TRUE(usage(Dialect::kOpenAi, R"({"usage":{"prompt_tokens":7)").empty());
}

TEST(JsonScan, KeepsNoMoreThanAUsageCanHave) {
  JsonScan scan(JsonScan::kAnswer);
  scan.feed(R"({"usage":{"x":")");
  for (int i = 0; i < 100; ++i) scan.feed(std::string(1024, 'x'));
  scan.feed(R"("}})");
  EXPECT_TRUE(scan.usage(Dialect::kOpenAi).empty());
  EXPECT_EQ(scan.usages(), 0U);
}

TEST(JsonScan, SurvivesWhatIsNoJson) {
  weight(JsonScan::kAnswer, "}}]],,::\"\\u12");
  weight(JsonScan::kAnswer, std::string(200, '[') + "\"text\"" + std::string(300, '}'));
  weight(JsonScan::kRequest, "--boundary\r\nContent-Type: x\r\n\r\n\xFF\xFE\"\\");
}

TEST(JsonScan, TheNextDocumentBeginsAnew) {
  JsonScan scan(JsonScan::kAnswer);
  scan.feed(R"({"text":"ab)");
  scan.restart(JsonScan::kAnswer);
  scan.feed(R"({"role":"model","text":"cd"})");
  EXPECT_EQ(scan.quarters(), 4U);
}

}  // namespace
}  // namespace culvert
