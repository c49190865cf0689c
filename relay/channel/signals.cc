// uv_signal in a box.
#include "relay/channel/signals.h"

#include <uv.h>

#include <csignal>

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
        if (Signal* owner = static_cast<Box*>(handle->data)->owner) owner->arrived_();
      },
      number);
}

Signal::~Signal() {
  box_->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&box_->handle),
           [](uv_handle_t* handle) { delete static_cast<Box*>(handle->data); });
}

void ignore_broken_pipes() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace culvert
