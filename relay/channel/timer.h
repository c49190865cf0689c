// A timer with an owner: destroying it cancels it. Coarse (a millisecond) and cheap to push back:
// moving the deadline on costs no heap operation, because the firing checks it again.
#pragma once

#include "relay/base/clock.h"
#include "relay/channel/loop.h"

#include <functional>
#include <memory>

namespace culvert {

class Timer {
 public:
  // `expired` runs on the loop; it may start this timer again, and may not destroy it.
  Timer(Loop& loop, std::function<void()> expired);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer();

  void start(Duration after);  // from now; replaces what was running. Zero or less: at once.
  void stop();
  bool running() const { return running_; }

 private:
  struct Box;
  void fired();
  void arm(uint64_t after_ms);

  Box* box_;
  std::function<void()> expired_;
  uint64_t deadline_ms_ = 0;
  uint64_t armed_for_ms_ = 0;  // when the handle fires; 0: not armed
  bool running_ = false;
};

}  // namespace culvert
