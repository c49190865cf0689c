// A binary heap; every timer knows its place in it.
#include "relay/channel/timer_queue.h"

#include "relay/channel/timer.h"

#include <uv.h>

#include <algorithm>

namespace culvert {

// Outlives the queue until libuv has closed the handle.
struct TimerQueue::Box {
  uv_timer_t handle{};
};

TimerQueue::TimerQueue(uv_loop_s* loop) : loop_(loop), box_(new Box) {
  uv_timer_init(loop, &box_->handle);
  box_->handle.data = this;
}

TimerQueue::~TimerQueue() {
  box_->handle.data = box_;
  uv_close(reinterpret_cast<uv_handle_t*>(&box_->handle),
           [](uv_handle_t* handle) { delete static_cast<Box*>(handle->data); });
}

uint64_t TimerQueue::now_ms() const { return uv_now(loop_); }

void TimerQueue::join() {
  if (joined_ == heap_.capacity()) heap_.reserve(std::max<size_t>(16, 2 * joined_));
  ++joined_;
}

void TimerQueue::leave(Timer& timer) {
  if (timer.place_ != Timer::kNowhere) remove(timer.place_);
  --joined_;
}

void TimerQueue::arm(Timer& timer, uint64_t at_ms) {
  if (timer.place_ != Timer::kNowhere) remove(timer.place_);
  heap_.push_back({at_ms, ++armings_, &timer});
  timer.place_ = heap_.size() - 1;
  rise(timer.place_);
  // At once is before the sockets' next turn: who goes on by such a timer is not overtaken.
  if (at_ms <= now_ms() && !expiring_) before_poll();
}

void TimerQueue::before_poll() {
  const uint64_t wanted = heap_.empty() ? 0 : std::max<uint64_t>(heap_.front().at_ms, 1);
  if (wanted == set_for_ms_) return;
  // One that would wake the loop too early is left: it costs one turn, and moving it back one at
  // each request.
  if (set_for_ms_ != 0 && wanted > set_for_ms_) return;
  if (wanted == 0) return;
  set_for_ms_ = wanted;
  const uint64_t now = now_ms();
  uv_timer_start(
      &box_->handle, [](uv_timer_t* handle) { static_cast<TimerQueue*>(handle->data)->expire(); },
      wanted > now ? wanted - now : 0, 0);
}

// What is armed meanwhile for at once waits for the next turn, so that no timer that arms itself
// again keeps the loop from its sockets.
void TimerQueue::expire() {
  set_for_ms_ = 0;
  const uint64_t now = now_ms();
  const uint64_t last = armings_;
  expiring_ = true;
  while (!heap_.empty() && heap_.front().at_ms <= now && heap_.front().order <= last) {
    Timer& timer = *heap_.front().timer;
    remove(0);
    timer.fired();
  }
  expiring_ = false;
}

void TimerQueue::remove(size_t place) {
  heap_[place].timer->place_ = Timer::kNowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  put(place, last);
  rise(place);
  sink(last.timer->place_);
}

void TimerQueue::rise(size_t place) {
  const Entry entry = heap_[place];
  while (place > 0 && entry.before(heap_[(place - 1) / 2])) {
    put(place, heap_[(place - 1) / 2]);
    place = (place - 1) / 2;
  }
  put(place, entry);
}

void TimerQueue::sink(size_t place) {
  const Entry entry = heap_[place];
  while (2 * place + 1 < heap_.size()) {
    size_t child = 2 * place + 1;
    if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
    if (!heap_[child].before(entry)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, entry);
}

void TimerQueue::put(size_t place, const Entry& entry) {
  heap_[place] = entry;
  entry.timer->place_ = place;
}

}  // namespace culvert
