// The bytes of the one request that a run sends again and again.
#pragma once

#include "tests/bench/load/options.h"

#include <cstdint>
#include <string>

namespace culvert::bench {

struct Request {
  std::string bytes;        // the head, and the body where it is small
  uint64_t filler_bytes = 0;  // zeros behind it: a bulk upload
};

// For the mode of `options`: sse and bulk downloads ask for what they want in the body, as
// "bench":"…" (spec.h). false, with `error` set: the body's file cannot be read.
bool make_request(const Options& options, Request& request, std::string& error);

}  // namespace culvert::bench
