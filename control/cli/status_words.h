// What a failed call means for an operator: gRPC's status in words that say what to do. Pure, and
// apart from the session so that each of them is tested without a network.
#pragma once

#include "relay/base/error.h"

#include <string>

namespace culvert::cli {

// gRPC's status codes, as numbered in its protocol.
enum class Status {
  kCancelled = 1,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kUnavailable = 14,
  kUnauthenticated = 16,
};

struct Failure {
  int status = 0;
  std::string message;  // of the service or of gRPC
  std::string server;
  std::string ca_file;  // empty: the system's authorities
  std::string timeout;  // as the user wrote it
};

// The detail is one sentence or two; the code is never kBadRequest, which is for arguments that
// this program refuses itself.
Error in_words(const Failure& failure);

}  // namespace culvert::cli
