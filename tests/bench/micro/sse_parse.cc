// Events of a stream: told apart, read for their end and usage, numbered for replay. An iteration
// is a stream; what an event costs must not grow with their number.
#include "relay/codec/sse.h"
#include "relay/codec/sse_blocks.h"
#include "relay/codec/sse_numbers.h"
#include "relay/stream/carry.h"
#include "tests/bench/micro/allocations.h"
#include "tests/bench/micro/samples.h"

namespace culvert::bench {
namespace {

constexpr size_t kEvents = 1000;
// As TLS records come: several small events in one, and now and then half of one.
constexpr size_t kPiece = 1400;

template <class See>
void in_pieces(std::string_view stream, See see) {
  while (!stream.empty()) {
    std::string_view piece = stream.substr(0, kPiece);
    stream.remove_prefix(piece.size());
    see(piece);
  }
}

void sse_parse(benchmark::State& state, Dialect dialect) {
  const std::string stream = event_stream(dialect, kEvents);
  const Allocations count(state, kEvents);
  for (auto _ : state) {
    SseParser parser;
    in_pieces(stream, [&](std::string_view piece) {
      while (const auto event = parser.next(&piece)) benchmark::DoNotOptimize(event->data.data());
    });
  }
}
BENCHMARK_CAPTURE(sse_parse, openai, Dialect::kOpenAi);
BENCHMARK_CAPTURE(sse_parse, anthropic, Dialect::kAnthropic);
BENCHMARK_CAPTURE(sse_parse, gemini, Dialect::kGemini);

void sse_blocks(benchmark::State& state, Dialect dialect) {
  const std::string stream = event_stream(dialect, kEvents);
  const Allocations count(state, kEvents);
  for (auto _ : state) {
    SseBlocks blocks;
    in_pieces(stream, [&](std::string_view piece) {
      while (const auto block = blocks.next(&piece)) benchmark::DoNotOptimize(block->raw.data());
    });
  }
}
BENCHMARK_CAPTURE(sse_blocks, gemini, Dialect::kGemini);

void sse_numbers(benchmark::State& state, Dialect dialect) {
  const std::string stream = event_stream(dialect, kEvents);
  const Allocations count(state, kEvents);
  for (auto _ : state) {
    SseNumbers numbers(limits::kSseEventBytes);
    in_pieces(stream, [&](std::string_view piece) {
      while (const auto numbered = numbers.next(&piece)) benchmark::DoNotOptimize(numbered->id);
    });
  }
}
BENCHMARK_CAPTURE(sse_numbers, openai, Dialect::kOpenAi);

}  // namespace
}  // namespace culvert::bench
