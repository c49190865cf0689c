// The table of what never goes up, name by name, and the spellings that try to pass it by.
#include "relay/base/denied_headers.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(DeniedHeaders, HoldsPrivacysTable) {
  for (const char* name : {
           "X-Forwarded-For",
           "X-Forwarded-Proto",
           "X-Forwarded-Anything",
           "Forwarded",
           "Via",
           "X-Real-IP",
           "X-Client-IP",
           "X-Cluster-Client-IP",
           "True-Client-IP",
           "CF-Connecting-IP",
           "CF-Ray",
           "CDN-Loop",
           "CloudFront-Viewer-Address",
           "Fastly-Client-IP",
           "Fly-Client-IP",
           "X-Vercel-Id",
           "X-NF-Request-ID",
           "X-Amzn-Trace-Id",
           "X-Appengine-City",
           "X-Azure-ClientIP",
           "X-Envoy-External-Address",
           "X-Original-URL",
           "X-Request-Id",
           "X-Correlation-Id",
           "traceparent",
           "tracestate",
           "baggage",
           "b3",
           "Sec-CH-UA",
           "Sec-Fetch-Mode",
           "DNT",
           "Priority",
           "Early-Data",
           "Proxy-Authorization",
           "Proxy-Connection",
           "X-Culvert-Token",
           "Connection",
           "Keep-Alive",
           "TE",
           "Trailer",
           "Transfer-Encoding",
           "Upgrade",
           "X-B3-TraceId",
           "X-Forwarded",
           "From",
       }) {
    EXPECT_TRUE(is_denied_header(name)) << name;
  }
}

TEST(DeniedHeaders, LetsTheApisOwnFieldsPass) {
  for (const char* name : {
           "",
           "x",
           "Content-Type",
           "Accept",
           "Authorization",
           "x-api-key",
           "x-goog-api-key",
           "x-goog-api-client",
           "anthropic-version",
           "openai-beta",
           "idempotency-key",
           "Range",
           "If-None-Match",
           "Last-Event-ID",
           "Sec-WebSocket-Key",
           "X-Amz-Date",
           "X-Forward",
           "Viaduct",
           "Cookie",
           "Origin",
           "Referer",
           "Vial",
           "cf",
           "b3x",
           "te-x",
           "X-Custom",
       }) {
    EXPECT_FALSE(is_denied_header(name)) << name;
  }
}

TEST(DeniedHeaders, NoSpellingSlipsThrough) {
  for (const char* name : {"x-FORWARDED-for", "X_Forwarded_For", "X-Forwarded_For", "x_real_ip",
                           "TRACEPARENT", "transfer_encoding", "X_Culvert_Token"}) {
    EXPECT_TRUE(is_denied_header(name)) << name;
  }
}

TEST(DeniedHeaders, HopByHop) {
  for (const char* name : {"connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding",
                           "UPGRADE", "Proxy-Connection", "Proxy-Authenticate"}) {
    EXPECT_TRUE(is_hop_by_hop(name)) << name;
    EXPECT_TRUE(is_denied_header(name)) << name;
  }
  EXPECT_FALSE(is_hop_by_hop("Content-Length"));
  EXPECT_FALSE(is_hop_by_hop("Via"));
}

TEST(DeniedHeaders, NamingAndOwnFields) {
  EXPECT_TRUE(needs_naming("Cookie"));
  EXPECT_TRUE(needs_naming("ORIGIN"));
  EXPECT_TRUE(needs_naming("referer"));
  EXPECT_FALSE(needs_naming("Cookie2"));
  EXPECT_TRUE(is_written_by_relay("Host"));
  EXPECT_TRUE(is_written_by_relay("content_length"));
  EXPECT_TRUE(is_written_by_relay("User-Agent"));
  EXPECT_FALSE(is_written_by_relay("Accept"));
}

}  // namespace
}  // namespace culvert
