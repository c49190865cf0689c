// What a client reads in its stream of an answer that is none.
#include "relay/flow/late_answer.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

std::string event_of(Dialect dialect, int status, const std::string& body) {
  LateAnswer late(status);
  for (const char c : body) {
    if (!late.see(std::string_view(&c, 1))) break;
  }
  return late.event(dialect, "0123", WallTime{});
}

TEST(LateAnswer, TellsTheVendorsOwnError) {
  EXPECT_EQ(event_of(Dialect::kOpenAi, 400, "{\"error\":{\"message\":\"no\"}}\n"),
            "data: {\"error\":{\"message\":\"no\"}}\n\n");
  EXPECT_EQ(event_of(Dialect::kAnthropic, 529, R"({"type":"error","error":{"type":"x"}})"),
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"x\"}}\n\n");
  EXPECT_EQ(event_of(Dialect::kGemini, 429, "{\n \"error\": {\"code\": 429}\n}"),
            "data: {\ndata:  \"error\": {\"code\": 429}\ndata: }\n\n");
}

TEST(LateAnswer, SaysItselfWhatNoErrorOfTheDialectIs) {
  for (const std::string body : {"<html>", "{\"error\":", "{\"message\":\"no\"}", ""}) {
    const std::string event = event_of(Dialect::kOpenAi, 502, body);
    EXPECT_NE(event.find("status 502 and no event stream"), std::string::npos) << body;
    EXPECT_EQ(event.find("<html>"), std::string::npos);
  }
  // A success that is no stream is nobody's error.
  EXPECT_NE(event_of(Dialect::kGemini, 200, R"({"error":{}})").find("status 200"),
            std::string::npos);
}

TEST(LateAnswer, KeepsNoMoreThanAnErrorNeeds) {
  const std::string large = R"({"error":{"message":")" + std::string(1 << 20, 'x') + R"("}})";
  EXPECT_LT(event_of(Dialect::kOpenAi, 400, large).size(), 1000U);
  EXPECT_FALSE(LateAnswer(400).see(large));
  EXPECT_TRUE(LateAnswer(400).see("{"));
  EXPECT_FALSE(LateAnswer(200).see("{"));  // there is nothing to be told of it
}

}  // namespace
}  // namespace culvert
