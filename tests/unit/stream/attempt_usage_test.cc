// What attempts have used, one by one and together.
#include "relay/stream/attempt_usage.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(AttemptUsage, IsOfTheAttemptThatRunsAndOfThoseBefore) {
  AttemptUsage usage(Dialect::kOpenAi);
  EXPECT_TRUE(usage.of_attempt().empty());
  EXPECT_TRUE(usage.of_lost().empty());
  usage.told(R"({"prompt_tokens":7,"completion_tokens":3})");
  usage.told(R"({"prompt_tokens":7,"completion_tokens":5})");
  EXPECT_EQ(usage.of_attempt().output, 5U);
  EXPECT_FALSE(usage.any_lost());
  usage.lose_attempt();
  usage.begin_attempt();
  EXPECT_TRUE(usage.any_lost());
  EXPECT_TRUE(usage.of_attempt().empty());
  EXPECT_EQ(usage.of_lost().input, 7U);
  usage.told(R"({"prompt_tokens":12,"completion_tokens":1})");
  EXPECT_EQ(usage.of_all(), R"({"prompt_tokens":19,"completion_tokens":6})");
}

TEST(AttemptUsage, IsReadInEachVendorsWords) {
  AttemptUsage gemini(Dialect::kGemini);
  gemini.told(R"({"promptTokenCount":2,"candidatesTokenCount":3})");
  EXPECT_EQ(gemini.of_attempt().input, 2U);
  AttemptUsage anthropic(Dialect::kAnthropic);
  anthropic.told(R"({"input_tokens":4,"output_tokens":1})");
  anthropic.told_more(R"({"output_tokens":9})");
  EXPECT_EQ(anthropic.of_attempt().input, 4U);
  EXPECT_EQ(anthropic.of_attempt().output, 9U);
  AttemptUsage responses(Dialect::kOpenAi);
  responses.told(R"({"input_tokens":5,"output_tokens":6})");
  EXPECT_EQ(responses.of_attempt().input, 5U);
  EXPECT_EQ(responses.of_attempt().output, 6U);
}

}  // namespace
}  // namespace culvert
