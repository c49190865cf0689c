// Counts allocations of a benchmark. The goals are none for each event of a stream and under ten
// for each request, and a count, unlike a time, says the same on every machine.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>

namespace culvert::bench {

uint64_t allocations_so_far();

// Stands right before the loop of a benchmark; reports when it goes.
class Allocations {
 public:
  // each: events or requests of one iteration, where that is more than one.
  explicit Allocations(benchmark::State& state, size_t each = 0);
  Allocations(const Allocations&) = delete;
  Allocations& operator=(const Allocations&) = delete;
  ~Allocations();

 private:
  benchmark::State& state_;
  const size_t each_;
  const uint64_t before_;
};

}  // namespace culvert::bench
