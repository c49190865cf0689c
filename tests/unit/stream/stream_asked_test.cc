// Which requests wait for an event stream.
#include "relay/stream/stream_asked.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(StreamAsked, ByTheBody) {
  for (const Dialect dialect : {Dialect::kOpenAi, Dialect::kAnthropic, Dialect::kGemini}) {
    EXPECT_TRUE(asks_for_events(dialect, "/v1/x", R"({"model":"m","stream":true,"n":1})"));
    EXPECT_TRUE(asks_for_events(dialect, "/v1/x?a=b", "{ \"stream\" : true }"));
    EXPECT_FALSE(asks_for_events(dialect, "/v1/x", R"({"model":"m","stream":false})"));
    EXPECT_FALSE(asks_for_events(dialect, "/v1/x", R"({"messages":[{"stream":true}]})"));
    EXPECT_FALSE(asks_for_events(dialect, "/v1/x", R"({"stream":"true"})"));
    EXPECT_FALSE(asks_for_events(dialect, "/v1/x", ""));
  }
  EXPECT_FALSE(asks_for_events(Dialect::kOpaque, "/v1/x", R"({"stream":true})"));
}

TEST(StreamAsked, ByGeminisPath) {
  const auto asks = [](std::string_view path) {
    return asks_for_events(Dialect::kGemini, path, "{}");
  };
  EXPECT_TRUE(asks("/v1beta/models/m:streamGenerateContent?alt=sse"));
  EXPECT_TRUE(asks("/v1beta/models/m:streamGenerateContent?key=k&alt=sse&x"));
  EXPECT_FALSE(asks("/v1beta/models/m:streamGenerateContent?alt=json"));
  EXPECT_FALSE(asks("/v1beta/models/m:streamGenerateContent?xalt=sse"));
  EXPECT_FALSE(asks("/v1beta/models/m:streamGenerateContent"));
  EXPECT_FALSE(asks("/v1beta/models/m:generateContent?alt=sse"));
  // Whatever else the body says.
  EXPECT_FALSE(asks_for_events(Dialect::kGemini, "/v1beta/models/m:generateContent",
                               R"({"stream":true})"));
  EXPECT_TRUE(asks_for_events(Dialect::kGemini, "/v1beta/interactions", R"({"stream":true})"));
}

}  // namespace
}  // namespace culvert
