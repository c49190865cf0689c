// privacy.md's tables: what passes, what never does, and how it is spelled.
#include "relay/gate/header_policy.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

// privacy.md, "Never, whatever a configuration allows", with one name for each prefix.
constexpr const char* kNever[] = {"x-forwarded-for",
                                  "x-forwarded-anything",
                                  "forwarded",
                                  "via",
                                  "x-real-ip",
                                  "x-client-ip",
                                  "x-cluster-client-ip",
                                  "true-client-ip",
                                  "cf-connecting-ip",
                                  "cf-ray",
                                  "cdn-loop",
                                  "cloudfront-viewer-country",
                                  "fastly-client-ip",
                                  "fly-client-ip",
                                  "x-vercel-ip-country",
                                  "x-nf-client-connection-ip",
                                  "x-amzn-trace-id",
                                  "x-appengine-country",
                                  "x-azure-clientip",
                                  "x-envoy-external-address",
                                  "x-original-forwarded-for",
                                  "x-request-id",
                                  "x-correlation-id",
                                  "traceparent",
                                  "tracestate",
                                  "baggage",
                                  "b3",
                                  "sec-ch-ua",
                                  "sec-fetch-site",
                                  "dnt",
                                  "priority",
                                  "early-data",
                                  "proxy-authorization",
                                  "proxy-connection",
                                  "x-culvert-token",
                                  "x-culvert-x",
                                  "connection",
                                  "keep-alive",
                                  "te",
                                  "trailer",
                                  "transfer-encoding",
                                  "upgrade",
                                  "host",
                                  "content-length",
                                  "accept-encoding",
                                  "user-agent",
                                  "expect"};

TEST(HeaderPolicy, NeverWhateverIsAllowed) {
  for (const char* name : kNever) {
    const std::vector<std::string> allow = {name};
    const AllowedNames allowed{.of_upstream = &allow, .of_route = &allow};
    EXPECT_FALSE(preset_passage(name, allowed)) << name;
    EXPECT_FALSE(generic_passage(name, allowed)) << name;
  }
}

TEST(HeaderPolicy, UnderscoresDoNotSlipThrough) {
  const std::vector<std::string> allow = {"x_forwarded_for", "x_culvert_token"};
  const AllowedNames allowed{.of_upstream = &allow};
  for (const std::string& name : allow) {
    EXPECT_FALSE(preset_passage(name, allowed)) << name;
    EXPECT_FALSE(generic_passage(name, allowed)) << name;
  }
}

TEST(HeaderPolicy, ThreeMayBeNamedForTheGenericProxyOnly) {
  for (const char* name : {"cookie", "origin", "referer"}) {
    const std::vector<std::string> allow = {name};
    const AllowedNames allowed{.of_route = &allow};
    EXPECT_FALSE(preset_passage(name, allowed)) << name;
    EXPECT_FALSE(generic_passage(name, {})) << name;
    EXPECT_TRUE(generic_passage(name, allowed)) << name;
  }
  const std::vector<std::string> allow = {"cookie"};
  EXPECT_EQ(generic_passage("cookie", {.of_upstream = &allow})->joint, "; ");
}

// privacy.md, "from the client".
TEST(HeaderPolicy, TheBuiltInListPasses) {
  for (const char* name : {"content-type",
                           "accept",
                           "anthropic-version",
                           "anthropic-beta",
                           "anthropic-dangerous-direct-browser-access",
                           "openai-organization",
                           "openai-project",
                           "openai-beta",
                           "idempotency-key",
                           "x-goog-api-client",
                           "x-goog-user-project",
                           "x-goog-upload-protocol",
                           "x-goog-upload-offset",
                           "range",
                           "if-match",
                           "if-none-match",
                           "if-modified-since",
                           "if-unmodified-since",
                           "if-range",
                           "last-event-id",
                           "content-encoding"}) {
    EXPECT_TRUE(preset_passage(name, {})) << name;
    EXPECT_TRUE(generic_passage(name, {})) << name;
  }
}

TEST(HeaderPolicy, NamesAreFoundInAnyCase) {
  const std::vector<std::string> allow = {"x-title"};
  for (const char* name : {"CONTENT-type", "Anthropic-Beta", "X-Goog-Upload-Offset", "IF-Any",
                           "X-Title"}) {
    EXPECT_TRUE(preset_passage(name, {.of_upstream = &allow})) << name;
  }
  for (const char* name : {"X-Stainless-OS", "Accept-Language", "Cookie", "X-Real_IP"}) {
    EXPECT_FALSE(generic_passage(name, {})) << name;
  }
  const std::vector<std::string> cookie = {"cookie"};
  EXPECT_EQ(generic_passage("Cookie", {.of_upstream = &cookie})->joint, "; ");
}

TEST(HeaderPolicy, PresetsPassNothingElse) {
  for (const char* name : {"authorization", "x-api-key", "x-goog-api-key", "accept-language",
                           "x-stainless-os", "x-anything", "x-goog-uploadx", "ifx", "date"}) {
    EXPECT_FALSE(preset_passage(name, {})) << name;
  }
}

TEST(HeaderPolicy, AllowedNamesPass) {
  const std::vector<std::string> upstream = {"x-title"};
  const std::vector<std::string> route = {"http-referer"};
  const AllowedNames allowed{.of_upstream = &upstream, .of_route = &route};
  EXPECT_TRUE(preset_passage("x-title", allowed));
  EXPECT_TRUE(preset_passage("http-referer", allowed));
  EXPECT_FALSE(preset_passage("x-titles", allowed));
}

TEST(HeaderPolicy, GenericPassesEndToEndFieldsThatSayNothingOfTheClient) {
  for (const char* name : {"authorization", "x-api-key", "x-amz-date", "x-anything", "date"}) {
    EXPECT_TRUE(generic_passage(name, {})) << name;
  }
  for (const char* name : {"accept-language", "x-stainless-os", "x-datadog-trace-id",
                           "x-client-data", "device-memory", "sentry-trace", "x-geo-city"}) {
    EXPECT_FALSE(generic_passage(name, {})) << name;
  }
}

TEST(HeaderPolicy, OneSpellingAndOneOrder) {
  EXPECT_EQ(preset_passage("content-type", {})->spelling, "Content-Type");
  EXPECT_EQ(preset_passage("openai-beta", {})->spelling, "OpenAI-Beta");
  EXPECT_EQ(preset_passage("X-Goog-Upload-Offset", {})->spelling, "");  // its own, in lower case
  EXPECT_LT(preset_passage("accept", {})->rank, preset_passage("content-type", {})->rank);
  EXPECT_EQ(preset_passage("x-goog-upload-offset", {})->rank,
            preset_passage("if-schedule-tag-match", {})->rank);
}

TEST(HeaderPolicy, ListsAreJoinedAndOthersAreNot) {
  EXPECT_EQ(preset_passage("anthropic-beta", {})->joint, ", ");
  EXPECT_EQ(preset_passage("content-type", {})->joint, "");
  EXPECT_EQ(preset_passage("range", {})->joint, "");
}

TEST(CommonCoding, IsGzipForAllWhoTakeIt) {
  for (const char* value : {"gzip", "gzip, deflate", "gzip, deflate, br, zstd",
                            "br;q=1.0, GZIP;q=0.5", "*", "x-gzip"}) {
    EXPECT_EQ(common_coding(value), "gzip") << value;
  }
}

TEST(CommonCoding, IsOneThatTheClientTakes) {
  EXPECT_EQ(common_coding("br"), "br");
  EXPECT_EQ(common_coding("zstd, br"), "br, zstd");
  EXPECT_EQ(common_coding("gzip;q=0, br"), "br");
  EXPECT_EQ(common_coding("gzip; q=0.000"), "identity");
  EXPECT_EQ(common_coding("gzip;q=0.001"), "gzip");
  EXPECT_EQ(common_coding("identity"), "identity");
  EXPECT_EQ(common_coding("made-up"), "identity");
  EXPECT_EQ(common_coding(""), "identity");
}

}  // namespace
}  // namespace culvert
