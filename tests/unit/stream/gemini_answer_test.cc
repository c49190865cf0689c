// Answers that came with a 200 and are none.
#include "relay/stream/gemini_answer.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert::test {
namespace {

std::string answer(std::string_view parts, std::string_view reason) {
  std::string out = R"({"candidates":[{"content":{"parts":[)" + std::string(parts) + "]}";
  if (!reason.empty()) out += R"(,"finishReason":")" + std::string(reason) + '"';
  return out + "}]}";
}
constexpr std::string_view kSaid = R"({"text":"a"})";

TEST(GeminiAnswer, IsWholeWithAnEndAndSomethingSaid) {
  EXPECT_EQ(why_incomplete(answer(kSaid, "STOP")), "");
  EXPECT_EQ(why_incomplete(answer(R"({"functionCall":{"name":"f"}})", "STOP")), "");
  EXPECT_EQ(why_incomplete(answer(R"({"inlineData":{"data":""}})", "STOP")), "");
  EXPECT_EQ(why_incomplete("[" + answer(kSaid, "") + "," + answer("", "STOP") + "]"), "");
}

TEST(GeminiAnswer, IsFinalWhereItWasBlocked) {
  for (const char* reason : {"MAX_TOKENS", "SAFETY", "RECITATION", "BLOCKLIST", "SPII", "LANGUAGE",
                             "PROHIBITED_CONTENT", "IMAGE_SAFETY", "IMAGE_OTHER", "NEW_WORD"}) {
    EXPECT_EQ(why_incomplete(answer("", reason)), "") << reason;
  }
  EXPECT_EQ(why_incomplete(R"({"promptFeedback":{"blockReason":"SAFETY"}})"), "");
}

TEST(GeminiAnswer, IsNoneWhereItIsEmptyOrCut) {
  EXPECT_NE(why_incomplete(answer("", "STOP")), "");
  EXPECT_NE(why_incomplete(answer(R"({"text":""})", "STOP")), "");
  EXPECT_NE(why_incomplete(answer(R"({"text":"hm","thought":true})", "STOP")), "");
  EXPECT_NE(why_incomplete(answer("", "MALFORMED_FUNCTION_CALL")), "");
  EXPECT_NE(why_incomplete(answer("", "OTHER")), "");
  EXPECT_NE(why_incomplete(answer(kSaid, "")), "");
  EXPECT_NE(why_incomplete(R"({"usageMetadata":{}})"), "");
  EXPECT_NE(why_incomplete(R"({"error":{"code":503}})"), "");
  EXPECT_NE(why_incomplete("[]"), "");
  const std::string whole = answer(kSaid, "STOP");
  for (size_t at = 0; at < whole.size(); ++at) EXPECT_NE(why_incomplete(whole.substr(0, at)), "");
}

TEST(GeminiAnswer, IsAskedOfCallsThatGenerate) {
  EXPECT_TRUE(generates_gemini_content("/v1beta/models/m:generateContent"));
  EXPECT_TRUE(generates_gemini_content("/v1beta/models/m:streamGenerateContent"));
  EXPECT_FALSE(generates_gemini_content("/v1beta/models/m:countTokens"));
}

}  // namespace
}  // namespace culvert::test
