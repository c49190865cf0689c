// The forms that the vendors' SDKs read, byte for byte.
#include "relay/codec/error_body.h"

#include <gtest/gtest.h>

namespace culvert::test {
namespace {

const Error kCut =
    Error::upstream(Code::kUpstreamClosed, Stage::kBody, Retry::kNever, "it \"broke\"");

TEST(ErrorBody, SpeaksOpenAi) {
  EXPECT_EQ(error_body(Dialect::kOpenAi, kCut, "id1", WallTime{}),
            R"({"error":{"message":"it \"broke\"","type":"server_error","param":null,)"
            R"("code":"upstream_closed","stage":"body","request_id":"id1"}})");
}

TEST(ErrorBody, SpeaksAnthropic) {
  EXPECT_EQ(error_body(Dialect::kAnthropic, kCut, "id1", WallTime{}),
            R"({"type":"error","error":{"type":"api_error","message":"it \"broke\"",)"
            R"("code":"upstream_closed","stage":"body"},"request_id":"id1"})");
}

TEST(ErrorBody, SpeaksGoogle) {
  EXPECT_EQ(error_body(Dialect::kGemini, kCut, "id1", WallTime{}),
            R"({"error":{"code":502,"message":"it \"broke\"","status":"UNAVAILABLE","details":[)"
            R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"UPSTREAM_CLOSED",)"
            R"("domain":"culvert","metadata":{"stage":"body"}},)"
            R"({"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"id1"}]}})");
  Error limited = Error::client(Code::kRateLimited, Stage::kLimit, "slow down");
  limited.retry_after = 7;
  EXPECT_NE(error_body(Dialect::kGemini, limited, "id1", WallTime{}).find(R"("retryDelay":"7s")"),
            std::string::npos);
}

TEST(ErrorBody, SpeaksItsOwnFormElsewhere) {
  EXPECT_EQ(
      error_body(Dialect::kOpaque, kCut, "id1", WallTime{}),
      R"({"error":{"code":"upstream_closed","message":"it \"broke\"","type":"upstream_error",)"
      R"("timestamp":"1970-01-01T00:00:00.000Z","request_id":"id1","stage":"body"}})");
}

struct Row {
  Code code;
  const char* openai;
  const char* anthropic;
  const char* google;
};

TEST(ErrorBody, UsesTheVendorsWords) {
  for (const Row& row :
       {Row{Code::kBadRequest, "invalid_request_error", "invalid_request_error",
            "INVALID_ARGUMENT"},
        Row{Code::kUnauthorized, "authentication_error", "authentication_error", "UNAUTHENTICATED"},
        Row{Code::kForbidden, "permission_error", "permission_error", "PERMISSION_DENIED"},
        Row{Code::kNotFound, "not_found_error", "not_found_error", "NOT_FOUND"},
        Row{Code::kBodyTooLarge, "invalid_request_error", "request_too_large", "INVALID_ARGUMENT"},
        Row{Code::kKeysRateLimited, "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"},
        Row{Code::kInternal, "server_error", "api_error", "INTERNAL"},
        Row{Code::kOverloaded, "server_error", "overloaded_error", "UNAVAILABLE"},
        Row{Code::kFirstByteTimeout, "server_error", "timeout_error", "DEADLINE_EXCEEDED"},
        Row{Code::kNotImplemented, "server_error", "api_error", "UNIMPLEMENTED"}}) {
    Error error;
    error.code = row.code;
    const auto has = [&](Dialect dialect, const char* word) {
      const std::string body = error_body(dialect, error, "i", WallTime{});
      EXPECT_NE(body.find(std::string("\"") + word + "\""), std::string::npos) << body;
    };
    has(Dialect::kOpenAi, row.openai);
    has(Dialect::kAnthropic, row.anthropic);
    has(Dialect::kGemini, row.google);
  }
}

TEST(ErrorEvent, HasTheFormThatTheSdkThrowsOn) {
  const auto event = [](Dialect dialect) { return error_event(dialect, kCut, "i", WallTime{}); };
  EXPECT_TRUE(event(Dialect::kOpenAi).starts_with("data: {\"error\":{"));
  EXPECT_TRUE(event(Dialect::kGemini).starts_with("data: {\"error\":{\"code\":502,"));
  EXPECT_TRUE(event(Dialect::kAnthropic).starts_with("event: error\ndata: {\"type\":\"error\","));
  EXPECT_TRUE(event(Dialect::kOpaque).starts_with("event: error\ndata: {\"error\":{"));
  for (const Dialect dialect :
       {Dialect::kOpaque, Dialect::kOpenAi, Dialect::kAnthropic, Dialect::kGemini}) {
    EXPECT_TRUE(event(dialect).ends_with("}\n\n"));
  }
}

TEST(ErrorMessage, HasASentenceForEveryCode) {
  for (int code = 0; code <= static_cast<int>(Code::kSystem); ++code) {
    Error error;
    error.code = static_cast<Code>(code);
    EXPECT_FALSE(error_message(error).empty()) << code;
  }
}

}  // namespace
}  // namespace culvert::test
