// When a quota begins anew, as an error's sentence tells it or as its vendor is known to do it.
// Pure.
#pragma once

#include "relay/base/clock.h"

#include <optional>
#include <string_view>

namespace culvert {

// Google's daily quotas: midnight of California (ai.google.dev/gemini-api/docs/rate-limits), with
// its summer time as it is since 2007. Never zero.
Duration until_pacific_midnight(WallTime now);
// What most others do.
Duration until_utc_midnight(WallTime now);

// "Please try again in 6m0s.", "retry in 34.07s", "retry after 30 seconds"; in lower case.
std::optional<Duration> told_wait(std::string_view message);
// "You will regain access on 2026-02-01 at 00:00 UTC.", "until 2026-02-01t08:00:00z"; in lower
// case. The first date that lies after now.
std::optional<WallTime> told_date(std::string_view message, WallTime now);

}  // namespace culvert
