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

void Poll::watch(int interest) {
  if (interest == interest_) return;
  interest_ = interest;
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
    if (box->sink == nullptr) return;
    if (status < 0) box->owner->interest_ = kNone;  // libuv stopped watching
    Ready ready;
    ready.failed = status < 0;
    ready.readable = (happened & UV_READABLE) != 0;
    ready.writable = (happened & UV_WRITABLE) != 0;
    ready.peer_closed = (happened & UV_DISCONNECT) != 0;
    PollSink* sink = box->sink;
    try {
      sink->on_ready(ready);
    } catch (const std::bad_alloc&) {
      log::error("out of memory while handling a connection");
      give_up(box);
    }
  });
}

}  // namespace culvert
