// A timer with an owner: destroying it cancels it. Coarse (a millisecond) and cheap to push back:
// moving the deadline on costs no heap operation, because the firing checks it again.
#pragma once

#include "relay/base/clock.h"
#include "relay/channel/loop.h"

#include <cstddef>
#include <cstdint>
#include <functional>

namespace culvert {

class Timer {
 public:
  // `expired` runs on the loop; it may start this timer again, and may not destroy it. The timer
  // ends before the loop.
  Timer(Loop& loop, std::function<void()> expired);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer();

  void start(Duration after);  // from now; replaces what was running. Zero or less: at once.
  void stop();
  bool running() const { return running_; }

 private:
  friend class TimerQueue;
  static constexpr size_t kNowhere = SIZE_MAX;
  void fired();
  void arm(uint64_t at_ms);
  bool armed() const { return place_ != kNowhere; }

  Loop& loop_;
  std::function<void()> expired_;
  uint64_t deadline_ms_ = 0;
  uint64_t armed_for_ms_ = 0;  // only while armed()
  size_t place_ = kNowhere;    // the queue's
  bool running_ = false;
};

}  // namespace culvert
