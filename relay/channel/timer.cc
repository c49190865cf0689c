// Deadlines; when they are looked at is the queue's matter.
#include "relay/channel/timer.h"

#include "relay/base/log.h"

#include <new>

namespace culvert {

Timer::Timer(Loop& loop, std::function<void()> expired)
    : loop_(loop), expired_(std::move(expired)) {
  loop_.timers().join();
}

Timer::~Timer() { loop_.timers().leave(*this); }

void Timer::start(Duration after) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(after).count();
  running_ = true;
  deadline_ms_ = loop_.timers().now_ms() + (ms > 0 ? static_cast<uint64_t>(ms) : 0);
  if (!armed() || armed_for_ms_ > deadline_ms_) arm(deadline_ms_);
}

void Timer::stop() {
  // It stays armed: an early firing finds `running_` false and does nothing. Requests come and go
  // far more often than timers fire.
  running_ = false;
}

void Timer::arm(uint64_t at_ms) {
  armed_for_ms_ = at_ms;
  loop_.timers().arm(*this, at_ms);
}

void Timer::fired() {
  if (!running_) return;
  if (loop_.timers().now_ms() < deadline_ms_) return arm(deadline_ms_);
  running_ = false;
  try {
    expired_();
  } catch (const std::bad_alloc&) {
    // What the timer was to end is still there; it is tried again when memory may be back.
    log::error("out of memory in a timer");
    start(std::chrono::milliseconds(50));
  }
  loop_.event_over();
}

}  // namespace culvert
