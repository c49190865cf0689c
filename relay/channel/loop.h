// One event loop, for one thread. Everything below it belongs to that thread but post() and stop().
// Objects are not destroyed inside their own callbacks: they are muted and retired, and the
// graveyard is emptied before and after each poll, and behind a few events of it.
#pragma once

#include "relay/channel/flushable.h"
#include "relay/channel/kernel_pipe.h"
#include "relay/channel/timer_queue.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

struct uv_loop_s;

namespace culvert {

// Base of what can be retired. The link is part of the object, so that retiring needs no memory.
class Retirable {
 public:
  Retirable() = default;
  Retirable(const Retirable&) = delete;
  Retirable& operator=(const Retirable&) = delete;
  virtual ~Retirable() = default;

 private:
  friend class Loop;
  Retirable* next_retired_ = nullptr;
};

class Loop {
 public:
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();  // all that was made on it is gone by then; what closes is waited for

  void run();   // until stop()
  void stop();  // any thread

  // Runs the task on the loop's thread, in the order of posting. Any thread. What is posted after
  // run() returned runs in the destructor, so that nothing that a task owns leaks.
  void post(std::function<void()> task);

  // For the end, after run(): an owner whose members posted tasks touch runs them while it has
  // them.
  void run_posted();

  // Ends the object after the current callback.
  void retire(std::unique_ptr<Retirable> object);

  // Once the events that one poll brought have been handled, or the first of them where they are
  // many. Needs no memory. A peer on another core sleeps until something comes: woken once for what
  // several events bring, it costs this side much less than woken for each (in plain a fifth of the
  // CPU time of a request, in TLS a quarter), and waits no longer than those events take.
  void flush_soon(Flushable& waiting) { flush_list_.add(waiting); }
  void event_over();  // by whoever called out for an event, when nothing of it still runs
  // For a piece of a stream, whose reader waits for each: all output goes out after this event.
  void flush_after_event();

  // A buffer for one read; its content lives until the next read on this loop.
  char* scratch() { return scratch_.get(); }
  KernelPipes& pipes() { return pipes_; }
  TimerQueue& timers() { return *timers_; }
  uv_loop_s* raw() { return loop_.get(); }

 private:
  struct Handles;
  void before_poll();
  void flush();
  void bury();

  std::unique_ptr<uv_loop_s> loop_;
  std::unique_ptr<Handles> handles_;
  std::unique_ptr<char[]> scratch_;
  std::unique_ptr<TimerQueue> timers_;
  KernelPipes pipes_;
  FlushList flush_list_;
  int unflushed_events_ = 0;
  Retirable* retired_ = nullptr;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::atomic<bool> stopping_{false};
};

}  // namespace culvert
