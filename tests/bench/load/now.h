// The two clocks of the load programs. CLOCK_MONOTONIC is one clock for all processes of a machine:
// the upstream writes it into its events, and the generator subtracts.
#pragma once

#include <cstdint>
#include <ctime>

namespace culvert::bench {

constexpr int64_t kSecond = 1'000'000'000;  // all times here are nanoseconds
constexpr int64_t kMillisecond = 1'000'000;

inline int64_t read_clock(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return at.tv_sec * kSecond + at.tv_nsec;
}

inline int64_t now_ns() { return read_clock(CLOCK_MONOTONIC); }

inline int64_t cpu_ns() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }  // user and system

}  // namespace culvert::bench
