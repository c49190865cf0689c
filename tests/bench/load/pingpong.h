// The physical limit that stands beside all figures: two threads that pass one message to and fro
// over loopback TCP, each on the core it is told.
#pragma once

#include "tests/bench/load/options.h"

#include <string>

namespace culvert::bench {

// Gives the report; "" with `error` set where it could not run.
std::string run_pingpong(const Options& options, std::string& error);

}  // namespace culvert::bench
