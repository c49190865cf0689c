// When an upstream says that it may be asked again. Pure.
#pragma once

#include "relay/base/clock.h"
#include "relay/codec/headers.h"

#include <optional>
#include <string_view>

namespace culvert {

// From the head and body of a 429; the first of these that is there counts: retry-after-ms (OpenAI,
// Anthropic SDKs), Retry-After in both forms (RFC 9110 §10.2.3), OpenAI's x-ratelimit-reset-*
// ("1s", "6m0s", "20ms"), Anthropic's anthropic-ratelimit-*-reset (RFC 3339), Google's
// RetryInfo.retryDelay in the body ("" where it was not read). Never negative; nullopt where
// nothing was said.
std::optional<Duration> retry_wait(const Headers& headers, std::string_view body, WallTime now);

// "1h2m3.5s", "20ms", "34.07s" as Go and protobuf's JSON write them; at most 30 days.
std::optional<Duration> parse_go_duration(std::string_view text);
// IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT"; the obsolete forms are not taken.
std::optional<WallTime> parse_http_date(std::string_view text);
// "2026-01-01T00:00:00Z", with or without a fraction, or with an offset.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace culvert
