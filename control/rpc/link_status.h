// Errors of the link as gRPC tells them: the one place of the link that knows its codes.
#pragma once

#include "relay/base/error.h"

#include <grpcpp/support/status.h>

namespace culvert::control {

grpc::Status link_status(const Error& error);

}  // namespace culvert::control
