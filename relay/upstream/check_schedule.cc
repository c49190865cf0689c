// Random parts of intervals, and one decision.
#include "relay/upstream/check_schedule.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr auto kQuickLeast = std::chrono::seconds(1);
constexpr auto kQuickMost = std::chrono::seconds(5);  // five open a breaker in half a minute
// Of a request that would try: two of its owner's looks at what is due.
constexpr auto kProbeAhead = std::chrono::seconds(2);

Duration part_of(Duration whole, Random& random) {
  return Duration(static_cast<int64_t>(random.below(static_cast<uint64_t>(whole.count()) + 1)));
}

}  // namespace

Instant first_check(Instant now, Duration interval, Random& random) {
  const Duration tenth = interval / 10;
  return now + tenth + part_of(interval - tenth, random);
}

Instant next_check(Instant now, Duration interval, uint32_t ill_in_row, Random& random) {
  Duration pause = interval;
  if (ill_in_row > 0 && ill_in_row < kQuickChecks) {
    pause = std::clamp<Duration>(interval / 10, kQuickLeast, kQuickMost);
  }
  return now + pause / 10 * 9 + part_of(pause / 5, random);
}

BreakerView view_of(const Breaker& breaker, const BreakerSettings& settings) {
  return {.open = settings.on && breaker.state() != BreakerState::kClosed,
          .since = breaker.open_since(),
          .until = breaker.open_until()};
}

CheckDue check_due(const CheckTurn& turn,
                   const BreakerView& breaker,
                   std::optional<Instant> way_rests_until,
                   Instant now) {
  if (breaker.open && turn.ill && now + kProbeAhead >= breaker.until) {
    return CheckDue::kProbe;
  }
  if (now >= turn.at) return CheckDue::kCheck;
  const bool news = breaker.open && !turn.ill && turn.checked < breaker.since;
  if (news) return CheckDue::kLook;
  const bool rested = way_rests_until && now + kProbeAhead >= *way_rests_until;
  return rested && !breaker.open ? CheckDue::kWay : CheckDue::kNothing;
}

}  // namespace culvert
