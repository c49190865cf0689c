// The handle lives in a box that outlives the timer until libuv closed it.
#include "relay/channel/timer.h"

#include "relay/base/log.h"

#include <uv.h>

#include <new>

namespace culvert {

struct Timer::Box {
  uv_timer_t handle{};
  Timer* owner = nullptr;
};

Timer::Timer(Loop& loop, std::function<void()> expired)
    : box_(new Box), expired_(std::move(expired)) {
  box_->owner = this;
  uv_timer_init(loop.raw(), &box_->handle);
  box_->handle.data = box_;
}

Timer::~Timer() {
  box_->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&box_->handle),
           [](uv_handle_t* handle) { delete static_cast<Box*>(handle->data); });
}

void Timer::start(Duration after) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(after).count();
  const uint64_t after_ms = ms > 0 ? static_cast<uint64_t>(ms) : 0;
  running_ = true;
  deadline_ms_ = uv_now(box_->handle.loop) + after_ms;
  if (armed_for_ms_ == 0 || armed_for_ms_ > deadline_ms_) arm(after_ms);
}

void Timer::stop() {
  // The handle stays armed: an early firing finds `running_` false and does nothing. Requests come
  // and go far more often than timers fire.
  running_ = false;
}

void Timer::arm(uint64_t after_ms) {
  armed_for_ms_ = uv_now(box_->handle.loop) + after_ms;
  uv_timer_start(
      &box_->handle,
      [](uv_timer_t* handle) {
        if (Timer* owner = static_cast<Box*>(handle->data)->owner) owner->fired();
      },
      after_ms, 0);
}

void Timer::fired() {
  armed_for_ms_ = 0;
  if (!running_) return;
  const uint64_t now = uv_now(box_->handle.loop);
  if (now < deadline_ms_) return arm(deadline_ms_ - now);
  running_ = false;
  try {
    expired_();
  } catch (const std::bad_alloc&) {
    // What the timer was to end is still there; it is tried again when memory may be back.
    log::error("out of memory in a timer");
    start(std::chrono::milliseconds(50));
  }
}

}  // namespace culvert
