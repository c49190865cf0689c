// Replaces operator new of the program by one that counts.
#include "tests/bench/micro/allocations.h"

#include <cstdlib>
#include <new>

namespace {

// The benchmarks run on one thread.
uint64_t allocations = 0;

}  // namespace

// Not inlined: the compiler would see a free() of what it takes for another new's memory.
#define CULVERT_NOINLINE __attribute__((noinline))

CULVERT_NOINLINE void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}

CULVERT_NOINLINE void* operator new(size_t size) {
  void* memory = operator new(size, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

CULVERT_NOINLINE void operator delete(void* memory) noexcept { std::free(memory); }
CULVERT_NOINLINE void operator delete(void* memory, size_t) noexcept { std::free(memory); }
CULVERT_NOINLINE void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace culvert::bench {

uint64_t allocations_so_far() { return allocations; }

Allocations::Allocations(benchmark::State& state, size_t each)
    : state_(state), each_(each), before_(allocations) {}

Allocations::~Allocations() {
  const auto made = static_cast<double>(allocations - before_);
  state_.counters["allocs"] = benchmark::Counter(made, benchmark::Counter::kAvgIterations);
  if (each_ == 0) return;
  state_.counters["allocs_each"] =
      benchmark::Counter(made / static_cast<double>(each_), benchmark::Counter::kAvgIterations);
  state_.SetItemsProcessed(static_cast<int64_t>(state_.iterations() * each_));
}

}  // namespace culvert::bench
