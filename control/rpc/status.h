// The one place that turns the service's errors into gRPC's codes. Pure.
#pragma once

#include "relay/base/error.h"
#include "relay/base/result.h"

#include <grpcpp/support/status.h>

#include <utility>

namespace culvert::control {

grpc::Status to_status(const Error& error);

// A result as the end of a unary call: its value moves into the reply.
template <class T>
grpc::Status answer(Result<T> result, T* reply) {
  if (!result) return to_status(result.error());
  *reply = std::move(*result);
  return grpc::Status::OK;
}

}  // namespace culvert::control
