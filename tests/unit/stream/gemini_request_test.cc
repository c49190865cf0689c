// Which requests are continued, and how their continuation looks.
#include "relay/stream/gemini_request.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert::test {
namespace {

constexpr std::string_view kTurn = R"("contents":[{"parts":[{"text":"hi"}]}])";

std::string with(std::string_view rest) {
  return "{" + std::string(kTurn) + "," + std::string(rest) + "}";
}

TEST(GeminiRequest, IsContinuedUnlessItsAnswerHasAForm) {
  const auto plain = read_gemini_request(
      with(R"("generationConfig":{"responseMimeType":"text/plain","candidateCount":1})"));
  EXPECT_EQ(plain.why_never, "");
  EXPECT_EQ(plain.why_not_continued, "");
  for (const char* rest :
       {R"("generationConfig":{"responseSchema":{}})",
        R"("generationConfig":{"responseJsonSchema":{}})",
        R"("generation_config":{"response_mime_type":"application/json"})",
        R"("tool_config":{"function_calling_config":{"mode":"any"}})", R"("contents":[])"}) {
    EXPECT_NE(read_gemini_request(with(rest)).why_not_continued, "") << rest;
    EXPECT_EQ(read_gemini_request(with(rest)).why_never, "") << rest;
  }
  for (const char* rest : {R"("generationConfig":{"candidateCount":2})",
                           R"("generation_config":{"candidate_count":"3"})"}) {
    EXPECT_NE(read_gemini_request(with(rest)).why_never, "") << rest;
  }
  EXPECT_NE(read_gemini_request("{").why_never, "");
  EXPECT_NE(read_gemini_request(R"({"contents":{}})").why_not_continued, "");
}

TEST(GeminiRequest, IsExtendedAtTheEndAndNowhereElse) {
  const std::string body =
      R"({ "tools":[1], "contents" : [ {"role":"function","parts":[]} ] , "seed":1.0e400})";
  const auto out = gemini_continuation(body, {"a\"b", "go on"}, {});
  ASSERT_FALSE(out) << "1.0e400 is no number that JSON readers take";
  const std::string good =
      R"({ "tools":[1], "contents" : [ {"role":"function","parts":[]} ] , "seed":12345678901234567890})";
  EXPECT_EQ(
      *gemini_continuation(good, {"a\"b", "go on"}, {}),
      R"({ "tools":[1], "contents" : [ {"role":"function","parts":[]} ,{"role":"model","parts")"
      R"(:[{"text":"a\"b"}]},{"role":"user","parts":[{"text":"go on"}]}] , "seed":12345678901234567890})");
}

TEST(GeminiRequest, KeepsSignedPartsAndPrefillsWithoutAPrompt) {
  const auto out =
      gemini_continuation(R"({"contents":[]})", {"abcdef", ""}, {{2, 4, "\"s\""}, {6, 6, "\"t\""}});
  EXPECT_EQ(
      *out,
      R"({"contents":[{"role":"model","parts":[{"text":"ab"},{"text":"cd","thoughtSignature":"s"},)"
      R"({"text":"ef"},{"text":"","thoughtSignature":"t"}]}]})");
}

}  // namespace
}  // namespace culvert::test
