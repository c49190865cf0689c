// TryCancel would tell the relay CANCELLED whatever the reason; the call below it takes a status.
#include "control/rpc/link_line.h"

#include "control/rpc/link_status.h"

#include <grpc/grpc.h>

namespace culvert::control {

void CallLine::end(const Error& why) {
  const grpc::Status status = link_status(why);
  {
    const std::lock_guard lock(mutex_);
    if (status_) return;
    status_ = status;
  }
  grpc_call_cancel_with_status(context_.c_call(),
                               static_cast<grpc_status_code>(status.error_code()),
                               status.error_message().c_str(), nullptr);
  on_end();
}

bool CallLine::ended() const {
  const std::lock_guard lock(mutex_);
  return status_.has_value();
}

grpc::Status CallLine::status() const {
  const std::lock_guard lock(mutex_);
  return status_.value_or(grpc::Status::OK);
}

}  // namespace culvert::control
