// uv_signal in a box.
#include "relay/channel/signals.h"

#include "relay/base/log.h"

#include <uv.h>

#include <csignal>
#include <new>

namespace culvert {

struct Signal::Box {
  uv_signal_t handle{};
  Signal* owner = nullptr;
};

Signal::Signal(Loop& loop, int number, std::function<void()> arrived)
    : box_(new Box), arrived_(std::move(arrived)) {
  box_->owner = this;
  uv_signal_init(loop.raw(), &box_->handle);
  box_->handle.data = box_;
  uv_signal_start(
      &box_->handle,
      [](uv_signal_t* handle, int) {
        Signal* owner = static_cast<Box*>(handle->data)->owner;
        if (owner == nullptr) return;
        try {
          owner->arrived_();
        } catch (const std::bad_alloc&) {
          log::error("out of memory while handling a signal");
        }
      },
      number);
}

Signal::~Signal() {
  box_->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&box_->handle),
           [](uv_handle_t* handle) { delete static_cast<Box*>(handle->data); });
}

void ignore_failed_writes() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace culvert
