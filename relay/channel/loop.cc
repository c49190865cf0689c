// The loop, its mailbox and its graveyard.
#include "relay/channel/loop.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"

#include <uv.h>

#include <cassert>
#include <new>
#include <utility>

namespace culvert {
namespace {

// Of how many events at most the output waits for the last.
constexpr int kEventsPerFlush = 16;

}  // namespace

struct Loop::Handles {
  uv_async_t mail{};
  uv_prepare_t before_poll{};
  uv_check_t after_poll{};
};

Loop::Loop()
    : loop_(std::make_unique<uv_loop_s>()),
      handles_(std::make_unique<Handles>()),
      scratch_(std::make_unique<char[]>(limits::kReadScratch)) {
  uv_loop_init(loop_.get());
  loop_->data = this;
  timers_ = std::make_unique<TimerQueue>(loop_.get());
  uv_async_init(loop_.get(), &handles_->mail,
                [](uv_async_t* handle) { static_cast<Loop*>(handle->loop->data)->run_posted(); });
  uv_prepare_init(loop_.get(), &handles_->before_poll);
  uv_prepare_start(&handles_->before_poll, [](uv_prepare_t* handle) {
    static_cast<Loop*>(handle->loop->data)->before_poll();
  });
  uv_check_init(loop_.get(), &handles_->after_poll);
  uv_check_start(&handles_->after_poll,
                 [](uv_check_t* handle) { static_cast<Loop*>(handle->loop->data)->bury(); });
}

Loop::~Loop() {
  run_posted();
  bury();
  timers_.reset();
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->mail), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->before_poll), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->after_poll), nullptr);
  // More than once where a stop() came too late for run(): it ends the first of these instead.
  while (uv_run(loop_.get(), UV_RUN_DEFAULT) != 0) {
  }
  [[maybe_unused]] const int closed = uv_loop_close(loop_.get());
  assert(closed == 0);  // a handle outlived its owner
}

void Loop::run() {
  while (!stopping_.load(std::memory_order_acquire)) uv_run(loop_.get(), UV_RUN_DEFAULT);
}

void Loop::stop() {
  stopping_.store(true, std::memory_order_release);
  post([this] { uv_stop(loop_.get()); });
}

void Loop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  uv_async_send(&handles_->mail);
}

void Loop::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) {
    try {
      task();
    } catch (const std::bad_alloc&) {
      log::error("out of memory in a posted task");
    }
    // No burial: what waits here may be of an object that another one has just retired.
    if (++unflushed_events_ >= kEventsPerFlush) flush();
  }
  if (stopping_.load(std::memory_order_acquire)) bury();  // it too may touch those members
}

void Loop::retire(std::unique_ptr<Retirable> object) {
  if (object == nullptr) return;
  object->next_retired_ = retired_;
  retired_ = object.release();
}

void Loop::before_poll() {
  bury();
  timers_->before_poll();
}

// libuv polls up to 48 times before it comes to before_poll() again where thousands of sockets are
// ready: 25,000 sessions of 5,000 clients lay in the graveyard then.
void Loop::event_over() {
  if (++unflushed_events_ >= kEventsPerFlush) bury();
}

void Loop::flush_after_event() { unflushed_events_ = kEventsPerFlush; }

void Loop::flush() {
  unflushed_events_ = 0;
  while (Flushable* next = flush_list_.take()) {
    try {
      next->flush();
    } catch (const std::bad_alloc&) {
      log::error("out of memory while output was handed over");
      next->on_flush_out_of_memory();
    }
  }
}

void Loop::bury() {
  flush();
  // A destructor may retire others in turn.
  while (retired_ != nullptr) {
    Retirable* list = std::exchange(retired_, nullptr);
    while (list != nullptr) delete std::exchange(list, list->next_retired_);
  }
}

}  // namespace culvert
