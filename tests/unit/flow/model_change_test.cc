// How much a body grows by another model, and which bodies are refused instead.
#include "relay/flow/model_change.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

constexpr size_t kSearched = 4096;

// What the relay announces as Content-Length is what it sends.
TEST(ModelChange, TheGrowthIsTheDifferenceOfWhatGoesUp) {
  for (const char* from : {"m", "a-model", "a-much-longer-model-name"}) {
    for (const char* to : {"x", "a-model", "qu\"oted", "another-one-that-is-long"}) {
      const std::string body = std::string(R"({"model": ")") + from + R"(", "n": 1})";
      const auto growth = growth_of(to, body, kSearched);
      ASSERT_TRUE(growth) << body;
      ModelRewriter rewriter(to, kSearched);
      std::string sent;
      rewriter.feed(body, &sent);
      EXPECT_EQ(static_cast<int64_t>(sent.size()), static_cast<int64_t>(body.size()) + *growth);
    }
  }
}

TEST(ModelChange, ABeginningIsEnough) {
  const std::string body = R"({"model":"old","messages":[{"role":"user")";
  EXPECT_EQ(growth_of("newer", body, kSearched).value(), 2);
}

TEST(ModelChange, WhatCannotBeDoneIsTheClientsToMend) {
  const struct {
    const char* body;
    const char* says;
  } cases[] = {{"[1, 2]", "no JSON object"},
               {R"({"messages": []})", "no JSON object that names one"},
               {R"({"messages": [)", "too late"},
               {R"({"model":"a","model":"b"})", "names two"}};
  for (const auto& [body, says] : cases) {
    const auto growth = growth_of("new", body, kSearched);
    ASSERT_FALSE(growth) << body;
    EXPECT_EQ(growth.error().fault, Fault::kClient) << body;
    EXPECT_EQ(growth.error().code, Code::kBadRequest) << body;
    EXPECT_EQ(growth.error().stage, Stage::kRequest) << body;
    EXPECT_NE(growth.error().detail.find(says), std::string::npos) << growth.error().detail;
  }
}

TEST(ModelChange, AModelBehindTheSearchedBytesIsTooLate) {
  const std::string body = R"({"a":")" + std::string(100, 'z') + R"(","model":"m"})";
  EXPECT_TRUE(growth_of("n", body, body.size()));
  const auto late = growth_of("n", body, 50);
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().detail.find("put \"model\" first"), std::string::npos);
}

TEST(ModelChange, OnlyThreeStatesStopABody) {
  EXPECT_TRUE(checked(ModelRewriter::State::kSearching));
  EXPECT_TRUE(checked(ModelRewriter::State::kReplaced));
  EXPECT_FALSE(checked(ModelRewriter::State::kAbsent));
  EXPECT_FALSE(checked(ModelRewriter::State::kTooFar));
  EXPECT_FALSE(checked(ModelRewriter::State::kAmbiguous));
}

}  // namespace
}  // namespace culvert
