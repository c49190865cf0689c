// What broke in the service is told to its own log; a relay can only try again.
#include "control/rpc/link_status.h"

#include "relay/base/log.h"

namespace culvert::control {
namespace {

grpc::StatusCode code_of(Code code) {
  switch (code) {
    case Code::kUnauthorized:
      return grpc::StatusCode::UNAUTHENTICATED;
    case Code::kForbidden:
      return grpc::StatusCode::PERMISSION_DENIED;
    case Code::kBadRequest:
    case Code::kInvalidConfig:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Code::kRateLimited:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Code::kIdleTimeout:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case Code::kClientGone:
      return grpc::StatusCode::ABORTED;
    case Code::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    default:
      return grpc::StatusCode::UNAVAILABLE;
  }
}

}  // namespace

grpc::Status link_status(const Error& error) {
  if (error.code == Code::kSystem || error.code == Code::kInternal) {
    log::error("a relay's call failed", {{"error", error.detail}});
    return {grpc::StatusCode::UNAVAILABLE, "the control service cannot do that now; try again"};
  }
  return {code_of(error.code), error.detail};
}

}  // namespace culvert::control
