// Runs a loop until something has happened, however long the machine takes for it: tests wait for
// conditions, never for time. The bound is only there so that a broken test ends.
#pragma once

#include "relay/channel/loop.h"
#include "relay/channel/timer.h"

#include <uv.h>

namespace culvert::test {

// Whether the condition came true.
template <class Condition>
bool run_until(Loop& loop, Condition condition) {
  bool expired = false;
  uv_update_time(loop.raw());  // what went before may have taken longer than the bound
  Timer guard(loop, [&expired] { expired = true; });
  guard.start(std::chrono::seconds(10));
  // Not everything that a condition looks at is an event of this loop: a peer's socket is not.
  Timer look(loop, [&look] { look.start(std::chrono::milliseconds(1)); });
  look.start(std::chrono::milliseconds(1));
  while (!condition() && !expired) uv_run(loop.raw(), UV_RUN_ONCE);
  return condition();
}

// Everything that is ready now has been handled, and what that made ready too.
inline void settle(Loop& loop) {
  for (int round = 0; round < 16; ++round) uv_run(loop.raw(), UV_RUN_NOWAIT);
}

}  // namespace culvert::test
