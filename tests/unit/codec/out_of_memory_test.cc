// The nth allocation of a parser fails, for every n: an error and never an exception, for nothing
// may be thrown through llhttp's C code or into the data path.
#include "tests/unit/codec/transcript.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>

namespace {

// Counts down while armed; the allocation at zero fails, once.
long failing_allocation = -1;

}  // namespace

// Replace the program's own; unarmed they only allocate. Not inlined: the compiler would see a
// free() of what it takes for another new's memory.
#define CULVERT_NOINLINE __attribute__((noinline))

CULVERT_NOINLINE void* operator new(size_t size, const std::nothrow_t&) noexcept {
  if (failing_allocation >= 0 && failing_allocation-- == 0) return nullptr;
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

namespace culvert::test {
namespace {

struct Outcome {
  bool failed = false;
  bool out_of_memory = false;
};

template <class Parser>
Outcome run(Parser* parser, std::string_view input, long nth) {
  failing_allocation = nth;
  Outcome outcome;
  while (true) {
    const auto event = parser->next(&input);
    if (!event) {
      outcome.out_of_memory = event.error().code == Code::kOutOfMemory;
      break;
    }
    if (event->kind == EventKind::kNeedMore) break;
    if (std::is_same_v<Parser, ResponseParser> && event->kind == EventKind::kEnd) break;
  }
  outcome.failed = failing_allocation == -1;
  failing_allocation = -1;
  return outcome;
}

const std::string kLong(200, 'l');

TEST(OutOfMemory, IsAnErrorOfARequest) {
  const std::string input = "POST http://host.example/" + kLong +
                            " HTTP/1.1\r\nHost: host.example\r\n" + kLong + ": " + kLong +
                            "\r\nTransfer-Encoding: chunked\r\n\r\n" + "3;" + kLong +
                            "\r\nabc\r\n0\r\n" + kLong + ": " + kLong + "\r\n\r\n";
  int failures = 0;
  for (long nth = 0; nth < 1000; ++nth) {
    RequestParser parser(kLimits);
    const Outcome outcome = run(&parser, input, nth);
    if (!outcome.failed) {
      EXPECT_GT(failures, 5);
      return;
    }
    ++failures;
    EXPECT_TRUE(outcome.out_of_memory) << nth;
  }
  FAIL() << "the allocations do not end";
}

TEST(OutOfMemory, IsAnErrorOfAnAnswer) {
  const std::string input = "HTTP/1.1 200 " + kLong + "\r\n" + kLong + ": " + kLong +
                            "\r\nConnection: " + kLong + ", close\r\nContent-Length: 3\r\n\r\nabc";
  int failures = 0;
  for (long nth = 0; nth < 1000; ++nth) {
    ResponseParser parser(false);
    const Outcome outcome = run(&parser, input, nth);
    if (!outcome.failed) {
      EXPECT_GT(failures, 5);
      return;
    }
    ++failures;
    EXPECT_TRUE(outcome.out_of_memory) << nth;
  }
  FAIL() << "the allocations do not end";
}

}  // namespace
}  // namespace culvert::test
