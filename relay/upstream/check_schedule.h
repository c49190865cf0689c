// When something is checked: at random parts of an interval, so that relays that start together do
// not ask together; soon again after a failure, so that a breaker has its proof before a client
// brings it; and once more just before a breaker, or a strategy that rested, lets a request try.
// Pure.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/upstream/breaker.h"

#include <cstdint>
#include <optional>

namespace culvert {

// Not in the first tenth of the interval: a start has other things to do.
Instant first_check(Instant now, Duration interval, Random& random);
// The interval, plus or minus a tenth; after failures (ill_in_row > 0) a short time, until there
// were kQuickChecks of them: then it is an outage, and known.
inline constexpr uint32_t kQuickChecks = 10;
Instant next_check(Instant now, Duration interval, uint32_t ill_in_row, Random& random);

// What is due of one target now.
enum class CheckDue : uint8_t {
  kNothing,
  kCheck,
  kLook,   // its breaker opened since the last check: can it be reached at all?
  kProbe,  // a check that has the breaker's half-open turn
  kWay,    // its first strategy has rested: does that work again?
};

struct CheckTurn {
  Instant at{};       // of the next check
  Instant checked{};  // when the last one began
  bool ill = false;   // it had failed
};

struct BreakerView {
  bool open = false;   // whether its time is up or not
  Instant since{};     // of an open one
  Instant until{};
};
BreakerView view_of(const Breaker& breaker, const BreakerSettings& settings);

// Only an outage that a check has seen is probed by checks: of a target that answers them, and
// refuses requests, only requests can tell that it is well again.
// way_rests_until: of the strategy that requests would begin with, where it rests.
CheckDue check_due(const CheckTurn& turn,
                   const BreakerView& breaker,
                   std::optional<Instant> way_rests_until,
                   Instant now);

}  // namespace culvert
