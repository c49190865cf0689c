// uv_poll in a box. Reads and writes are our own calls on the descriptor: libuv's streams can
// neither notice a vanished peer while reading is paused nor stop accepting before descriptors run
// out.
#include "relay/channel/poll.h"

#include "relay/base/log.h"

#include <uv.h>

#include <new>

namespace culvert {

struct Poll::Box {
  uv_poll_t handle{};
  PollSink* sink = nullptr;
  Poll* owner = nullptr;
};

void Poll::give_up(Box* box) {
  if (box->sink == nullptr) return;
  try {
    box->sink->on_out_of_memory();
  } catch (const std::bad_alloc&) {
    // Nothing may pass through libuv. What was left half done ends by its timers.
    log::error("out of memory while ending a connection");
  }
}

Poll::Poll(Loop& loop, int fd, PollSink& sink) : box_(new Box) {
  box_->sink = &sink;
  box_->owner = this;
  uv_poll_init(loop.raw(), &box_->handle, fd);
  box_->handle.data = box_;
}

Poll::~Poll() {
  box_->sink = nullptr;
  box_->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&box_->handle),
           [](uv_handle_t* handle) { delete static_cast<Box*>(handle->data); });
}

// A wish to read that comes and goes with each request would cost two system calls each time. What
// libuv watches beyond the wish is taken back when the first event proves it useless; for writing
// at once, since a socket is nearly always ready for that.
void Poll::watch(int interest) {
  interest_ = interest;
  const bool missing = (interest & ~armed_) != 0;
  const bool surplus = (armed_ & ~interest & kWrite) != 0;
  if (missing || surplus) arm(interest | (armed_ & ~kWrite));
}

void Poll::arm(int interest) {
  armed_ = interest;
  if (interest == kNone) {
    uv_poll_stop(&box_->handle);
    return;
  }
  int events = 0;
  if ((interest & kRead) != 0) events |= UV_READABLE;
  if ((interest & kWrite) != 0) events |= UV_WRITABLE;
  if ((interest & kPeerClosed) != 0) events |= UV_DISCONNECT;
  uv_poll_start(&box_->handle, events, [](uv_poll_t* handle, int status, int happened) {
    Box* box = static_cast<Box*>(handle->data);
    if (box->owner == nullptr) return;
    if (const auto ready = box->owner->wanted(status, happened)) tell(box, *ready);
  });
}

std::optional<Ready> Poll::wanted(int status, int happened) {
  const int interest = interest_;
  if (status < 0) {  // libuv stopped watching
    interest_ = armed_ = kNone;
    if (interest == kNone) return {};
    Ready failed;
    failed.failed = true;
    return failed;
  }
  const int events = ((happened & UV_READABLE) != 0 ? kRead : kNone) |
                     ((happened & UV_WRITABLE) != 0 ? kWrite : kNone) |
                     ((happened & UV_DISCONNECT) != 0 ? kPeerClosed : kNone);
  if ((events & ~interest) != 0) arm(interest);
  if ((events & interest) == 0) return {};
  Ready ready;
  ready.readable = (events & interest & kRead) != 0;
  ready.writable = (events & interest & kWrite) != 0;
  ready.peer_closed = (events & interest & kPeerClosed) != 0;
  return ready;
}

// The sink may destroy the Poll; the box stays until libuv has closed it.
void Poll::tell(Box* box, Ready ready) {
  Loop* loop = static_cast<Loop*>(box->handle.loop->data);
  try {
    box->sink->on_ready(ready);
  } catch (const std::bad_alloc&) {
    log::error("out of memory while handling a connection");
    give_up(box);
  }
  loop->event_over();
}

}  // namespace culvert
