// Vendors' own refusals, as they document them and as they were seen, and what each means.
#include "relay/keys/refusal_kind.h"

#include "relay/keys/retry_hints.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const WallTime kNow = *parse_rfc3339("2026-01-15T12:00:00Z");

Headers json() {
  Headers headers;
  headers.add("Content-Type", "application/json; charset=utf-8");
  return headers;
}

KeyRefusal judged(int status, std::string_view body, Headers headers = json()) {
  return classify_refusal(status, headers, body, kNow);
}

std::string kind(int status, std::string_view body, Headers headers = json()) {
  return std::string(to_string(judged(status, body, std::move(headers)).kind));
}

std::string openai(std::string_view type, std::string_view code, std::string_view message) {
  return R"({"error":{"message":")" + std::string(message) + R"(","type":")" + std::string(type) +
         R"(","param":null,"code":")" + std::string(code) + R"("}})";
}

std::string anthropic(std::string_view type, std::string_view message) {
  return R"({"type":"error","error":{"type":")" + std::string(type) + R"(","message":")" +
         std::string(message) + R"("},"request_id":"req_1"})";
}

std::string gemini(int code,
                   std::string_view status,
                   std::string_view message,
                   std::string_view details = "") {
  return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":")" + std::string(message) +
         R"(","status":")" + std::string(status) + R"(","details":[)" + std::string(details) +
         "]}}";
}

std::string reason(std::string_view word) {
  return R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":")" + std::string(word) +
         R"(","domain":"googleapis.com"})";
}

std::string quota(std::string_view id, std::string_view value = "50") {
  return R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":")" +
         std::string(id) + R"(","quotaValue":")" + std::string(value) + R"("}]})";
}

constexpr std::string_view kRetryInfo =
    R"(,{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"})";

TEST(RefusalKind, OpenAi) {
  EXPECT_EQ(kind(401, openai("invalid_request_error", "invalid_api_key", "Incorrect API key")),
            "invalid");
  EXPECT_EQ(kind(401, openai("invalid_request_error", "account_deactivated", "x")), "suspended");
  EXPECT_EQ(kind(429, openai("insufficient_quota", "insufficient_quota", "You exceeded")),
            "billing");
  EXPECT_EQ(kind(429, openai("requests", "rate_limit_exceeded", "Rate limit reached for gpt-4o")),
            "rate_limited");
  EXPECT_EQ(kind(403, openai("request_forbidden", "unsupported_country_region_territory", "x")),
            "other_key");
  EXPECT_EQ(kind(403, openai("invalid_request_error", "model_not_found",
                             "Project `p` does not have access to model `m`")),
            "other_key");
  EXPECT_EQ(kind(401, openai("invalid_request_error", "missing_scope", "x")), "other_key");
  EXPECT_EQ(kind(400, openai("invalid_request_error", "billing_hard_limit_reached", "x")),
            "billing");
}

TEST(RefusalKind, OpenAisDays) {
  const auto day = judged(
      429, openai("requests", "rate_limit_exceeded",
                  "Rate limit reached for gpt-4o on requests per day (RPD): Limit 200, Used 200. "
                  "Please try again in 7m12s."));
  EXPECT_EQ(day.kind, RefusalKind::kQuota);
  EXPECT_EQ(day.wait, minutes(7) + seconds(12));
  const auto plan = judged(
      429, R"({"error":{"type":"usage_limit_reached","message":"The usage limit has been reached",
               "resets_at":1768489200,"resets_in_seconds":3600}})");
  EXPECT_EQ(plan.kind, RefusalKind::kQuota);
  EXPECT_EQ(plan.wait, hours(1));
}

// A key of a larger plan may take it; this one is no worse for it.
TEST(RefusalKind, OneLargeRequestRestsNoKey) {
  EXPECT_EQ(kind(429, openai("tokens", "rate_limit_exceeded",
                             "Request too large for gpt-4o: Limit 30000, Requested 90000.")),
            "other_key");
}

TEST(RefusalKind, Anthropic) {
  EXPECT_EQ(kind(401, anthropic("authentication_error", "invalid x-api-key")), "invalid");
  EXPECT_EQ(kind(403, anthropic("permission_error",
                                "Your API key does not have permission to use "
                                "the specified resource.")),
            "other_key");
  EXPECT_EQ(kind(429, anthropic("rate_limit_error", "This request would exceed")), "rate_limited");
  EXPECT_EQ(kind(400, anthropic("invalid_request_error",
                                "Your credit balance is too low to access the Anthropic API.")),
            "billing");
  EXPECT_EQ(kind(400, anthropic("invalid_request_error", "This organization has been disabled.")),
            "suspended");
  EXPECT_EQ(kind(402, anthropic("billing_error", "x")), "billing");
  const auto spent = judged(
      400, anthropic("invalid_request_error",
                     "You have reached your specified API usage limits. You will regain access on "
                     "2026-02-01 at 00:00 UTC."));
  EXPECT_EQ(spent.kind, RefusalKind::kQuota);
  EXPECT_EQ(spent.wait, hours(24 * 16 + 12));
  const auto far_off = judged(
      400, anthropic("invalid_request_error",
                     "You have reached your specified API usage limits. You will regain access on "
                     "2029-02-01 at 00:00 UTC."));
  EXPECT_EQ(far_off.kind, RefusalKind::kQuota);
  EXPECT_EQ(far_off.wait, hours(24 * 366));
}

TEST(RefusalKind, AnOverloadedUpstreamIsNotTheKey) {
  EXPECT_FALSE(may_refuse_key(529, json()));
  EXPECT_EQ(kind(529, anthropic("overloaded_error", "Overloaded")), "none");
  EXPECT_EQ(kind(503, gemini(503, "UNAVAILABLE", "The model is overloaded.")), "none");
  EXPECT_EQ(kind(404, openai("invalid_request_error", "model_not_found", "x")), "none");
}

TEST(RefusalKind, Gemini) {
  EXPECT_EQ(kind(400, gemini(400, "INVALID_ARGUMENT",
                             "API key not valid. Please pass a valid API "
                             "key.",
                             reason("API_KEY_INVALID"))),
            "invalid");
  EXPECT_EQ(kind(400, gemini(400, "INVALID_ARGUMENT", "API key expired. Please renew.")),
            "invalid");
  EXPECT_EQ(kind(403, gemini(403, "PERMISSION_DENIED",
                             "Permission denied: Consumer 'api_key:AIza' has been suspended.",
                             reason("CONSUMER_SUSPENDED"))),
            "suspended");
  EXPECT_EQ(kind(403, gemini(403, "PERMISSION_DENIED", "Your API key was reported as leaked.")),
            "suspended");
  EXPECT_EQ(kind(403, gemini(403, "PERMISSION_DENIED", "x", reason("SERVICE_DISABLED"))),
            "invalid");
  EXPECT_EQ(kind(403, gemini(403, "PERMISSION_DENIED", "x", reason("BILLING_DISABLED"))),
            "billing");
  EXPECT_EQ(kind(403, gemini(403, "PERMISSION_DENIED",
                             "You do not have permission to access the File abc or it may not "
                             "exist.")),
            "other_key");
  EXPECT_EQ(kind(400, gemini(400, "FAILED_PRECONDITION",
                             "User location is not supported for the API use.")),
            "none");
}

TEST(RefusalKind, GeminisQuotasByDayAndMinute) {
  constexpr std::string_view kText =
      "You exceeded your current quota, please check your plan and billing details.";
  const auto minute = judged(
      429, gemini(429, "RESOURCE_EXHAUSTED", kText,
                  quota("GenerateRequestsPerMinutePerProjectPerModel") + std::string(kRetryInfo)));
  EXPECT_EQ(minute.kind, RefusalKind::kRate);
  EXPECT_EQ(minute.wait, seconds(34));
  const auto day = judged(429, gemini(429, "RESOURCE_EXHAUSTED", kText,
                                      quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier") +
                                          std::string(kRetryInfo)));
  EXPECT_EQ(day.kind, RefusalKind::kQuota);
  EXPECT_EQ(day.wait, hours(20));  // midnight of California
  EXPECT_TRUE(day.of_model);
  EXPECT_FALSE(judged(429, gemini(429, "RESOURCE_EXHAUSTED", kText,
                                  quota("GenerateRequestsPerDayPerProject")))
                   .of_model);
  const auto none = judged(429, gemini(429, "RESOURCE_EXHAUSTED", kText,
                                       quota("InputTokensPerMinutePerModel-FreeTier", "0")));
  EXPECT_EQ(none.kind, RefusalKind::kQuota);
  // Streams without alt=sse answer in an array.
  EXPECT_EQ(
      kind(429, "[" + gemini(429, "RESOURCE_EXHAUSTED", kText, quota("RequestsPerDay")) + "]"),
      "quota");
  EXPECT_EQ(kind(429, gemini(429, "RESOURCE_EXHAUSTED", kText)), "rate_limited");
}

TEST(RefusalKind, Others) {
  EXPECT_EQ(
      kind(402, R"({"error":{"message":"Insufficient Balance","code":"invalid_request_error"}})"),
      "billing");  // DeepSeek
  EXPECT_EQ(kind(402, R"({"error":{"code":402,"message":"This request requires more credits"}})"),
            "billing");  // OpenRouter
  EXPECT_EQ(kind(402, "no JSON at all"), "billing");
  const auto free =
      judged(429, R"({"error":{"message":"Rate limit exceeded: free-models-per-day","code":429,
               "metadata":{"headers":{"X-RateLimit-Reset":"1768521600000"}}}})");
  EXPECT_EQ(free.kind, RefusalKind::kQuota);
  EXPECT_EQ(free.wait, hours(12));
  EXPECT_EQ(kind(403, R"({"error":{"code":403,"message":"Your input was flagged"}})"), "none");
  EXPECT_EQ(
      kind(400, R"({"code":"Client specified an invalid argument","error":"Incorrect API key"})"),
      "none");
  EXPECT_EQ(kind(401, R"({"message":"Unauthorized","request_id":"x"})"), "refused");  // Mistral
  EXPECT_EQ(kind(401, R"({"detail":"Invalid API key provided"})"), "invalid");
  EXPECT_EQ(kind(403, "<html>Forbidden</html>"), "refused");
}

TEST(RefusalKind, HeadersTellTheWait) {
  Headers headers = json();
  headers.add("Retry-After", "17");
  EXPECT_EQ(judged(429, "", headers).wait, seconds(17));
  EXPECT_EQ(judged(429, "").wait, std::nullopt);
  EXPECT_EQ(judged(429, openai("", "", "Please try again in 20s.")).wait, seconds(20));
}

TEST(RefusalKind, ADayWithoutATimeEndsAtMidnight) {
  const auto day = judged(429, openai("", "", "Daily limit reached"));
  EXPECT_EQ(day.kind, RefusalKind::kQuota);
  EXPECT_EQ(day.wait, hours(12));
}

// Who may write into a request must not be able to take keys away.
TEST(RefusalKind, TheClientsOwnWordsDoNotCount) {
  for (const char* message : {
           "Invalid value: 'Your credit balance is too low'.",
           "model `API key not valid` is not known",
           "messages.0: \\\"API key expired\\\" is not allowed",
           "Unknown parameter: api key not valid",
       }) {
    EXPECT_EQ(kind(400, openai("invalid_request_error", "invalid_value", message)), "none")
        << message;
  }
  EXPECT_EQ(kind(403, gemini(403, "PERMISSION_DENIED",
                             "You do not have permission to access the File 'has been suspended'")),
            "other_key");
}

TEST(RefusalKind, A400IsReadOnlyWhereItCanBe) {
  EXPECT_TRUE(may_refuse_key(400, json()));
  EXPECT_FALSE(may_refuse_key(400, Headers()));
  Headers zipped = json();
  zipped.add("Content-Encoding", "gzip");
  EXPECT_FALSE(may_refuse_key(400, zipped));
  EXPECT_TRUE(may_refuse_key(429, zipped));
}

}  // namespace
}  // namespace culvert
