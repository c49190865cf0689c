// What is read out of JSON: the model of a request, the tokens of an answer.
#include "relay/codec/json.h"

#include "tests/unit/codec/split.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert::test {
namespace {

std::string model(std::string_view body) {
  return at_every_split(body, [](const Pieces& pieces) {
    ModelScanner scanner;
    for (const Piece& piece : pieces) scanner.feed(piece.view());
    switch (scanner.finish()) {
      case ModelScanner::State::kFound:
        return "found " + scanner.model();
      case ModelScanner::State::kAbsent:
        return std::string("absent");
      case ModelScanner::State::kNeedMore:
        break;
    }
    return std::string("undecided");
  });
}

TEST(ModelScanner, FindsTheModelWhereverItStands) {
  EXPECT_EQ(model(R"({"model":"gpt-4o","messages":[]})"), "found gpt-4o");
  EXPECT_EQ(
      model(
          " {\n \"messages\" : [ {\"role\":\"user\",\"content\":\"hi\"} ] ,\t\"model\" : \"m\" }"),
      "found m");
  EXPECT_EQ(model(R"({"n":1,"t":-1.5e3,"s":true,"x":null,"model":"m"})"), "found m");
  EXPECT_EQ(model(R"({"a":"}","b":"\"model\":\"no\"","c":"\\","model":"yes"})"), "found yes");
}

TEST(ModelScanner, DecidesBeforeTheBodyIsWhole) {
  ModelScanner scanner;
  EXPECT_EQ(scanner.feed(R"({"model":"m")"), ModelScanner::State::kFound);
  ModelScanner other;
  EXPECT_EQ(other.feed(R"({"messages":[{"content":")"), ModelScanner::State::kNeedMore);
}

TEST(ModelScanner, LooksAtTheTopLevelOnly) {
  EXPECT_EQ(model(R"({"metadata":{"model":"inner"},"list":[{"model":"x"}],"model":"outer"})"),
            "found outer");
  EXPECT_EQ(model(R"({"metadata":{"model":"inner"}})"), "absent");
  EXPECT_EQ(model(R"([{"model":"m"}])"), "absent");
}

TEST(ModelScanner, TakesTheFirstOfDuplicates) {
  EXPECT_EQ(model(R"({"model":"first","model":"second"})"), "found first");
  EXPECT_EQ(model(R"({"model":null,"model":"second"})"), "absent");
}

TEST(ModelScanner, UnescapesKeyAndValue) {
  EXPECT_EQ(model(R"({"mo\u0064el":"a\/b\n\u00e9\u4f60\ud83d\ude00"})"),
            "found a/b\n\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80");
  EXPECT_EQ(model(R"({"model":"\ud83dx\ude00\ud83d\ud83d\ude00\ud83d"})"),
            "found \xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD\xF0\x9F\x98\x80\xEF\xBF\xBD");
  EXPECT_EQ(model("{\"model\":\"a\xFFz\"}"), "found a\xEF\xBF\xBDz");
}

TEST(ModelScanner, SaysAbsentForWhatIsNoModel) {
  for (const char* body :
       {"", "{}", "null", "\"model\"", "{\"model\":1}", "{\"model\":{}}", "{\"model\"",
        "{\"model\":", "{model:\"m\"}", "{\"a\":1 \"model\":\"m\"}", "{\"a\":,\"model\":\"m\"}",
        "{\"a\" \"model\"}", "{\"model\":\"unfinished", "{\"model\":\"bad \\x\"}",
        "{\"model\":\"\\u12g4\"}", "{\"model\":\"line\nbreak\"}", "{,}", "--boundary"}) {
    EXPECT_EQ(model(body), "absent") << body;
  }
}

TEST(ModelScanner, BoundsTheName) {
  const std::string longest(ModelScanner::kModelBytes, 'm');
  EXPECT_EQ(model("{\"model\":\"" + longest + "\"}"), "found " + longest);
  EXPECT_EQ(model("{\"model\":\"" + longest + "m\"}"), "absent");
  EXPECT_EQ(model("{\"" + longest + longest + "\":1,\"model\":\"m\"}"), "found m");
}

TEST(ModelScanner, PassesAnyDepth) {
  const std::string deep(5000, '[');
  EXPECT_EQ(model("{\"a\":" + deep + std::string(5000, ']') + ",\"model\":\"m\"}"), "found m");
}

Usage usage(std::optional<uint64_t> input,
            std::optional<uint64_t> output,
            std::optional<uint64_t> cached = {},
            std::optional<uint64_t> reasoning = {}) {
  return {input, output, cached, reasoning};
}

TEST(UsageOf, ReadsOpenAi) {
  EXPECT_EQ(usage_of(Dialect::kOpenAi,
                     R"({"id":"x","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":34,
                        "total_tokens":46,"prompt_tokens_details":{"cached_tokens":8},
                        "completion_tokens_details":{"reasoning_tokens":20}}})"),
            usage(12, 34, 8, 20));
  EXPECT_EQ(usage_of(Dialect::kOpenAi, R"({"usage":{"prompt_tokens":5,"total_tokens":5}})"),
            usage(5, {}));
}

TEST(UsageOf, ReadsResponses) {
  const std::string usage_json =
      R"({"input_tokens":3,"input_tokens_details":{"cached_tokens":1},"output_tokens":4,
          "output_tokens_details":{"reasoning_tokens":2},"total_tokens":7})";
  EXPECT_EQ(usage_of(Dialect::kOpenAi, R"({"object":"response","usage":)" + usage_json + "}"),
            usage(3, 4, 1, 2));
  EXPECT_EQ(usage_of(Dialect::kOpenAi,
                     R"({"type":"response.completed","response":{"usage":)" + usage_json + "}}"),
            usage(3, 4, 1, 2));
}

// Anthropic counts cached tokens beside the others; here input is all that was read.
TEST(UsageOf, ReadsAnthropicAndAddsUpItsStream) {
  Usage total =
      usage_of(Dialect::kAnthropic,
               R"({"type":"message_start","message":{"usage":{"input_tokens":10,"output_tokens":1,
          "cache_creation_input_tokens":3,"cache_read_input_tokens":4}}})");
  EXPECT_EQ(total, usage(17, 1, 4));
  total.merge(
      usage_of(Dialect::kAnthropic, R"({"type":"message_delta","usage":{"output_tokens":25}})"));
  EXPECT_EQ(total, usage(17, 25, 4));
  EXPECT_EQ(usage_of(Dialect::kAnthropic, R"({"usage":{"input_tokens":2,"output_tokens":3}})"),
            usage(2, 3));
}

TEST(UsageOf, ReadsGeminiAndArraysOfAnswers) {
  const std::string answer =
      R"({"candidates":[],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":5,
          "thoughtsTokenCount":11,"cachedContentTokenCount":2,"totalTokenCount":23}})";
  EXPECT_EQ(usage_of(Dialect::kGemini, answer), usage(7, 16, 2, 11));
  EXPECT_EQ(usage_of(Dialect::kGemini,
                     R"([{"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":1}},)" +
                         answer + "]"),
            usage(7, 16, 2, 11));
}

TEST(UsageOf, ReadsTheObjectItself) {
  EXPECT_EQ(usage_of_object(Dialect::kOpenAi,
                            JsonSlice(R"({"prompt_tokens":null,"input_tokens":3,"output_tokens":4,
                                "prompt_tokens":5,"input_tokens_details":{"cached_tokens":1}})")),
            usage(3, 4, 1));
  EXPECT_EQ(usage_of_object(Dialect::kAnthropic,
                            JsonSlice(R"({"input_tokens":2,"cache_read_input_tokens":1})")),
            usage(3, {}, 1));
  EXPECT_EQ(usage_of_object(Dialect::kGemini, JsonSlice(R"({"thoughtsTokenCount":2})")),
            usage({}, 2, {}, 2));
  for (const Dialect dialect :
       {Dialect::kOpaque, Dialect::kOpenAi, Dialect::kAnthropic, Dialect::kGemini}) {
    for (const char* object : {"", "7", "[]", "{}", R"({"input_tokens":3)",
                               R"({"input_tokens":3 "output_tokens":4})", R"("input_tokens")"}) {
      EXPECT_TRUE(usage_of_object(dialect, JsonSlice(object)).empty()) << object;
    }
  }
}

TEST(UsageOf, SaysNothingOfOtherShapes) {
  for (const Dialect dialect :
       {Dialect::kOpaque, Dialect::kOpenAi, Dialect::kAnthropic, Dialect::kGemini}) {
    for (const char* json :
         {"", "usage", "{\"usage\"", "{\"usage\":null}", "{\"usage\":7}", "{\"usage\":[1]}",
          "{\"usage\":{\"prompt_tokens\":\"7\",\"input_tokens\":-1,\"output_tokens\":1.5}}", "[]",
          "[\"usage\",7,null]", "{\"usageMetadata\":[]}", "\"usage\"", "{\"message\":\"usage\"}"}) {
      EXPECT_TRUE(usage_of(dialect, json).empty()) << json;
    }
  }
  const std::string deep = "{\"usage\":" + std::string(5000, '[') + std::string(5000, ']') + "}";
  EXPECT_TRUE(usage_of(Dialect::kOpenAi, deep).empty());
}

}  // namespace
}  // namespace culvert::test
