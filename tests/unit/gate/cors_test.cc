// What browsers are told (Fetch standard). Fault #18: no OPTIONS, no Access-Control fields.
#include "relay/gate/cors.h"

#include "relay/base/text.h"
#include "tests/unit/gate/asked.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace culvert {
namespace {

using gate_test::headers;
using std::chrono::seconds;

Cors cors(std::vector<std::string> origins, std::vector<std::string> more = {}) {
  return Cors(CorsSettings{
      .origins = std::move(origins), .headers = std::move(more), .max_age = seconds(600)});
}

Headers preflight_request(const std::string& origin, const std::string& names = {}) {
  Headers made = headers({{"Origin", origin}, {"Access-Control-Request-Method", "POST"}});
  if (!names.empty()) made.add("Access-Control-Request-Headers", names);
  return made;
}

bool lists(const Headers& answer, std::string_view field, std::string_view name) {
  const std::string value = answer.joined(field);
  const auto parts = split_list(value);
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return equal_ignoring_case(part, name); });
}

TEST(Cors, OffWithoutOrigins) {
  const Cors off = cors({});
  EXPECT_FALSE(off.preflight("OPTIONS", preflight_request("https://app.test")));
  Headers answer = headers({{"Access-Control-Allow-Origin", "https://vendor.test"}});
  off.decorate(headers({{"Origin", "https://app.test"}}), &answer);
  EXPECT_EQ(answer.joined("access-control-allow-origin"), "https://vendor.test");
}

TEST(Cors, OnlyPreflightsArePreflights) {
  const Cors any = cors({"*"});
  EXPECT_TRUE(any.preflight("OPTIONS", preflight_request("https://app.test")));
  EXPECT_FALSE(any.preflight("POST", preflight_request("https://app.test")));
  EXPECT_FALSE(any.preflight("OPTIONS", headers({{"Origin", "https://app.test"}})));
  EXPECT_FALSE(any.preflight("OPTIONS", headers({{"Access-Control-Request-Method", "POST"}})));
}

// Fault of supabase.ts and proxy-interface: lists without x-goog-api-key, x-api-key.
TEST(Cors, PreflightAllowsWhatTheSdksSend) {
  const auto answer =
      cors({"*"}, {"X-Mine"}).preflight("OPTIONS", preflight_request("https://a.test"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->joined("access-control-allow-origin"), "*");
  EXPECT_EQ(answer->joined("access-control-max-age"), "600");
  for (const char* name :
       {"authorization", "content-type", "x-api-key", "x-goog-api-key", "anthropic-version",
        "anthropic-beta", "openai-beta", "anthropic-dangerous-direct-browser-access",
        "x-culvert-token", "x-goog-api-client", "openai-organization", "openai-project",
        "x-mine"}) {
    EXPECT_TRUE(lists(*answer, "access-control-allow-headers", name)) << name;
  }
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}) {
    EXPECT_TRUE(lists(*answer, "access-control-allow-methods", method)) << method;
  }
  // Wildcard with credentials was a fault of snailyp.
  EXPECT_EQ(answer->count("access-control-allow-credentials"), 0U);
}

TEST(Cors, FamiliesOfFieldsAreAllowedByTheirPrefix) {
  const auto answer = cors({"*"}).preflight(
      "OPTIONS",
      preflight_request("https://a.test",
                        "X-Stainless-OS, x-goog-upload-offset, x-evil, x-stainless-\"bad"));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(lists(*answer, "access-control-allow-headers", "x-stainless-os"));
  EXPECT_TRUE(lists(*answer, "access-control-allow-headers", "x-goog-upload-offset"));
  EXPECT_FALSE(lists(*answer, "access-control-allow-headers", "x-evil"));
  EXPECT_EQ(answer->joined("access-control-allow-headers").find('"'), std::string::npos);
  EXPECT_TRUE(lists(*answer, "vary", "access-control-request-headers"));
}

TEST(Cors, ListedOriginsAreEchoed) {
  const Cors listed = cors({"https://a.test", "https://b.test:8443"});
  const auto answer = listed.preflight("OPTIONS", preflight_request("https://b.test:8443"));
  EXPECT_EQ(answer->joined("access-control-allow-origin"), "https://b.test:8443");
  EXPECT_TRUE(lists(*answer, "vary", "origin"));
}

TEST(Cors, OtherOriginsAreAllowedNothing) {
  const Cors listed = cors({"https://a.test"});
  for (const char* origin :
       {"https://b.test", "http://a.test", "https://a.test.evil.test", "null"}) {
    const auto answer = listed.preflight("OPTIONS", preflight_request(origin));
    ASSERT_TRUE(answer) << origin;
    EXPECT_EQ(answer->count("access-control-allow-origin"), 0U) << origin;
    EXPECT_EQ(answer->count("access-control-allow-headers"), 0U) << origin;
    EXPECT_TRUE(lists(*answer, "vary", "origin")) << origin;
  }
}

TEST(Cors, AnswersAreReadable) {
  Headers answer = headers({{"Content-Type", "application/json"},
                            {"request-id", "r"},
                            {"X-RateLimit-Limit-Requests", "5"},
                            {"Set-Cookie", "a=1"},
                            {"Access-Control-Allow-Origin", "https://vendor.test"},
                            {"access-control-expose-headers", "x"}});
  cors({"https://a.test"}).decorate(headers({{"Origin", "https://a.test"}}), &answer);
  EXPECT_EQ(answer.joined("access-control-allow-origin"), "https://a.test");
  EXPECT_EQ(answer.count("access-control-expose-headers"), 1U);
  EXPECT_TRUE(lists(answer, "access-control-expose-headers", "request-id"));
  EXPECT_TRUE(lists(answer, "access-control-expose-headers", "x-ratelimit-limit-requests"));
  EXPECT_FALSE(lists(answer, "access-control-expose-headers", "set-cookie"));
}

TEST(Cors, CachesAreToldThatTheOriginMatters) {
  Headers without = headers({{"Vary", "Accept"}});
  cors({"https://a.test"}).decorate({}, &without);
  EXPECT_EQ(without.count("access-control-allow-origin"), 0U);
  EXPECT_TRUE(lists(without, "vary", "origin"));
  EXPECT_TRUE(lists(without, "vary", "accept"));
  Headers already = headers({{"Vary", "accept, ORIGIN"}});
  cors({"https://a.test"}).decorate({}, &already);
  EXPECT_EQ(already.count("vary"), 1U);
  Headers any;
  cors({"*"}).decorate(headers({{"Origin", "https://a.test"}}), &any);
  EXPECT_EQ(any.count("vary"), 0U);
}

}  // namespace
}  // namespace culvert
