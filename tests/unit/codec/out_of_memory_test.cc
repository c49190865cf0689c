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

// At most `step` bytes come at once: what comes in one piece needs next to no memory, and what is
// kept of the parser before (base/kept_text.h) is not asked for again.
template <class Parser>
Outcome run(Parser* parser, std::string_view input, size_t step, long nth) {
  failing_allocation = nth;
  Outcome outcome;
  std::string_view piece;
  while (true) {
    const auto event = parser->next(&piece);
    if (!event) {
      outcome.out_of_memory = event.error().code == Code::kOutOfMemory;
      break;
    }
    if (std::is_same_v<Parser, ResponseParser> && event->kind == EventKind::kEnd) break;
    if (event->kind != EventKind::kNeedMore) continue;
    if (input.empty()) break;
    piece = input.substr(0, step);
    input.remove_prefix(piece.size());
  }
  outcome.failed = failing_allocation == -1;
  failing_allocation = -1;
  return outcome;
}

// How many allocations can fail; `make_parser` makes a new one for each of them.
template <class MakeParser>
int failures(std::string_view input, size_t step, MakeParser make_parser) {
  for (int nth = 0; nth < 1000; ++nth) {
    auto parser = make_parser();
    const Outcome outcome = run(&parser, input, step, nth);
    if (!outcome.failed) return nth;
    EXPECT_TRUE(outcome.out_of_memory) << nth;
  }
  ADD_FAILURE() << "the allocations do not end";
  return 0;
}

const std::string kLong(200, 'l');

TEST(OutOfMemory, IsAnErrorOfARequest) {
  const std::string input = "POST http://host.example/" + kLong +
                            " HTTP/1.1\r\nHost: host.example\r\n" + kLong + ": " + kLong +
                            "\r\nTransfer-Encoding: chunked\r\n\r\n" + "3;" + kLong +
                            "\r\nabc\r\n0\r\n" + kLong + ": " + kLong + "\r\n\r\n";
  const auto make_parser = [] { return RequestParser(kLimits); };
  EXPECT_GT(failures(input, input.size(), make_parser), 0);
  EXPECT_GT(failures(input, 1, make_parser), 8);
}

TEST(OutOfMemory, IsAnErrorOfAnAnswer) {
  const std::string input = "HTTP/1.1 200 " + kLong + "\r\n" + kLong + ": " + kLong +
                            "\r\nConnection: " + kLong + ", close\r\nContent-Length: 3\r\n\r\nabc";
  const auto make_parser = [] { return ResponseParser(false); };
  EXPECT_GT(failures(input, input.size(), make_parser), 0);
  EXPECT_GT(failures(input, 1, make_parser), 8);
}

}  // namespace
}  // namespace culvert::test
