// What a caller can act upon has a code of its own; the rest is INTERNAL, and in the log.
#include "control/rpc/status.h"

#include "relay/base/log.h"

namespace culvert::control {
namespace {

grpc::StatusCode code_of(Code code) {
  switch (code) {
    case Code::kBadRequest:
    case Code::kInvalidConfig:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Code::kUnauthorized:
      return grpc::StatusCode::UNAUTHENTICATED;
    case Code::kForbidden:
      return grpc::StatusCode::PERMISSION_DENIED;
    case Code::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    case Code::kConflict:
      return grpc::StatusCode::ABORTED;
    case Code::kPrecondition:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case Code::kNotKept:
      return grpc::StatusCode::OUT_OF_RANGE;
    case Code::kBodyTooLarge:
    case Code::kRateLimited:
    case Code::kOverloaded:
    case Code::kOutOfMemory:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Code::kNotImplemented:
      return grpc::StatusCode::UNIMPLEMENTED;
    case Code::kDraining:
      return grpc::StatusCode::UNAVAILABLE;
    default:
      return grpc::StatusCode::INTERNAL;
  }
}

}  // namespace

grpc::Status to_status(const Error& error) {
  const grpc::StatusCode code = code_of(error.code);
  if (code == grpc::StatusCode::INTERNAL) {
    log::error("a call failed", {{"code", to_string(error.code)}, {"error", error.detail}});
  }
  return {code, error.detail};
}

}  // namespace culvert::control
