// Where vendors' errors say what; see also tests/unit/keys/refusal_kind_test.cc.
#include "relay/codec/refusal_body.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(RefusalBody, OfEachForm) {
  const auto openai = read_refusal_body(
      R"({"error":{"message":"You Exceeded","type":"requests","code":"rate_limit_exceeded"}})");
  EXPECT_EQ(openai.type, "requests");
  EXPECT_EQ(openai.code, "rate_limit_exceeded");
  EXPECT_EQ(openai.message, "you exceeded");
  EXPECT_EQ(read_refusal_body(R"({"error":{"code":402}})").code, "402");
  EXPECT_EQ(read_refusal_body(R"({"error":"Plain"})").message, "plain");
  EXPECT_EQ(read_refusal_body(R"({"message":"Unauthorized"})").message, "unauthorized");
  EXPECT_EQ(read_refusal_body(R"({"detail":"Not Found"})").message, "not found");
}

TEST(RefusalBody, Google) {
  const auto body = read_refusal_body(R"([{"error":{"code":429,"status":"RESOURCE_EXHAUSTED",
    "message":"m","details":[
      {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R"},
      {"@type":"type.googleapis.com/google.rpc.QuotaFailure",
       "violations":[{"quotaId":"A","quotaValue":"5"},{"quotaId":"B"}]}]}}])");
  EXPECT_EQ(body.status, "RESOURCE_EXHAUSTED");
  EXPECT_EQ(body.reasons, std::vector<std::string>{"R"});
  ASSERT_EQ(body.quotas.size(), 2U);
  EXPECT_EQ(body.quotas[0].id, "A");
  EXPECT_EQ(body.quotas[0].value, "5");
  EXPECT_EQ(body.quotas[1].value, "");
}

TEST(RefusalBody, Resets) {
  const auto told =
      read_refusal_body(R"({"error":{"resets_at":1768489200,"resets_in_seconds":12.5}})");
  EXPECT_EQ(told.resets_at, 1768489200.0);
  EXPECT_EQ(told.resets_in, 12.5);
  const auto router = read_refusal_body(
      R"({"error":{"metadata":{"headers":{"X-RateLimit-Reset":"1768521600000"}}}})");
  EXPECT_EQ(router.resets_at, 1768521600.0);
  EXPECT_EQ(read_refusal_body(R"({"error":{"resets_at":"soon"}})").resets_at, std::nullopt);
  EXPECT_EQ(read_refusal_body(R"({"error":{"resets_at":"1e999"}})").resets_at, std::nullopt);
}

TEST(RefusalBody, LeavesOutWhatIsQuoted) {
  const auto message = [](const std::string& text) {
    return read_refusal_body(R"({"error":{"message":")" + text + "\"}}").message;
  };
  EXPECT_EQ(message("Consumer 'api_key:x' has been suspended"), "consumer  has been suspended");
  EXPECT_EQ(message("model `a b` is \\\"c\\\""), "model  is ");
  EXPECT_EQ(message("you don't, the user's 'x'"), "you don't, the user's ");
  EXPECT_EQ(message("an 'open quote"), "an 'open quote");
}

TEST(RefusalBody, IsBoundedAndTolerant) {
  const std::string many(10'000, 'x');
  EXPECT_EQ(read_refusal_body("{\"error\":{\"message\":\"" + many + "\"}}").message.size(),
            RefusalBody::kMessageBytes);
  for (const char* text : {"", "{", "[]", "[[]]", "null", "7", "\"x\"", "{\"error\":[]}",
                           "{\"error\":{\"details\":{}}}", "{\"error\":{\"details\":[1,[]]}}"}) {
    EXPECT_EQ(read_refusal_body(text).code, "") << text;
  }
}

}  // namespace
}  // namespace culvert
