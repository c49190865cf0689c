// The timers of one loop in a heap of their own, under a single timer of libuv. A request has half
// a dozen timers that hardly ever run out: here each is a few words of its owner, made and ended
// without memory of its own, and the loop's timer is set at most once a turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

struct uv_loop_s;

namespace culvert {

class Timer;

class TimerQueue {
 public:
  explicit TimerQueue(uv_loop_s* loop);
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue();  // the loop runs once more after it

  uint64_t now_ms() const;  // the loop's time, as of its last turn

  // Of timers alone. A timer that has joined can be armed without memory.
  void join();
  void leave(Timer& timer);
  void arm(Timer& timer, uint64_t at_ms);  // also one that is armed, for another time

  // Before the loop waits: how long it may.
  void before_poll();

 private:
  struct Entry {
    uint64_t at_ms;
    uint64_t order;  // of arming: equal times expire in it
    Timer* timer;
    bool before(const Entry& other) const {
      return at_ms != other.at_ms ? at_ms < other.at_ms : order < other.order;
    }
  };
  struct Box;
  void expire();
  void remove(size_t place);
  void rise(size_t place);
  void sink(size_t place);
  void put(size_t place, const Entry& entry);

  uv_loop_s* loop_;
  Box* box_;
  std::vector<Entry> heap_;
  size_t joined_ = 0;
  uint64_t armings_ = 0;
  uint64_t set_for_ms_ = 0;  // of libuv's timer; 0: it is not set
  bool expiring_ = false;
};

}  // namespace culvert
