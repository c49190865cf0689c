// Moments and spans as operators write and read them. Pure: what is relative takes the time as an
// argument.
#pragma once

#include "relay/base/clock.h"

#include <google/protobuf/timestamp.pb.h>

#include <optional>
#include <string>
#include <string_view>

namespace culvert::cli {

// 90s, 15m, 24h, 7d, 2w: above zero, up to a hundred years.
std::optional<Duration> parse_span(std::string_view text);
inline constexpr std::string_view kSpanWords = "a span such as 30s, 15m, 24h, 7d or 2w";

// A span (so long ago), `now`, `today` (its beginning in UTC), a day 2026-11-21 (its beginning in
// UTC), or RFC 3339 with an offset: 2026-11-21T09:00:00Z, 2026-11-21T10:00:00+01:00.
std::optional<WallTime> parse_moment(std::string_view text, WallTime now);
inline constexpr std::string_view kMomentWords =
    "2026-11-21, 2026-11-21T09:00:00Z, today, now, or a span back from now such as 24h or 7d";

WallTime from_proto(const google::protobuf::Timestamp& time);
google::protobuf::Timestamp to_proto(WallTime time);

std::string rfc3339_seconds(WallTime time);  // 2026-11-21T09:00:00Z
// The same of a field, or `-` where it is absent.
std::string shown_time(bool present, const google::protobuf::Timestamp& time);

// The two largest units at most: 4s, 3m12s, 2h5m, 12d; below a second `now`.
std::string shown_span(Duration span);

}  // namespace culvert::cli
