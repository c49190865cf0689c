// When an upstream says that it may be asked again. Pure.
#pragma once

#include "relay/base/clock.h"
#include "relay/codec/headers.h"

#include <optional>
#include <string_view>

namespace culvert {

// From the head and body of a 429: Retry-After in both forms (RFC 9110 §10.2.3), retry-after-ms,
// OpenAI's x-ratelimit-reset-* ("1s", "6m0s", "20ms") of what has run out, Anthropic's
// anthropic-ratelimit-*-reset (RFC 3339) of what has run out, Google's RetryInfo.retryDelay. The
// first of these that is there counts; zero where none is.
Duration retry_wait(const Headers& headers, std::string_view body, WallTime now);

// "1h2m3.5s", "20ms"; nullopt for anything else.
std::optional<Duration> parse_go_duration(std::string_view text);
// IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<WallTime> parse_http_date(std::string_view text);
// "2026-01-01T00:00:00Z", with or without a fraction, or with an offset
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace culvert
