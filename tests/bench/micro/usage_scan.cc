// What an answer cost, read out of it as it passes: whole JSON answers of 256 bytes to 1 MiB of
// text, and one event after the other.
#include "relay/codec/json.h"
#include "relay/codec/usage_sum.h"
#include "relay/stream/carry.h"
#include "tests/bench/micro/allocations.h"
#include "tests/bench/micro/samples.h"

namespace culvert::bench {
namespace {

constexpr size_t kRecord = 16 * 1024;  // of TLS

void usage_of_answer(benchmark::State& state, Dialect dialect) {
  const std::string answer = json_answer(dialect, static_cast<size_t>(state.range(0)));
  ResponseHead head;
  head.status = 200;
  head.headers.add("Content-Type", "application/json");
  const Allocations count(state);
  for (auto _ : state) {
    Carry carry(dialect, head, true);
    for (std::string_view rest = answer; !rest.empty();) {
      const std::string_view piece = rest.substr(0, kRecord);
      rest.remove_prefix(piece.size());
      carry.see(piece);
    }
    if (carry.usage().output != 900) return state.SkipWithError("no usage");
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * answer.size()));
  state.SetComplexityN(state.range(0));
}
BENCHMARK_CAPTURE(usage_of_answer, openai, Dialect::kOpenAi)
    ->RangeMultiplier(16)
    ->Range(256, 1 << 20)
    ->Complexity();
BENCHMARK_CAPTURE(usage_of_answer, anthropic, Dialect::kAnthropic)->Arg(4096);
BENCHMARK_CAPTURE(usage_of_answer, gemini, Dialect::kGemini)->Arg(4096);

// A request's text is weighed as it goes up.
void weigh_request(benchmark::State& state) {
  const std::string body = R"({"model":"gpt-4o","messages":[{"role":"user","content":")" +
                           std::string(static_cast<size_t>(state.range(0)), 'x') + R"("}]})";
  const Allocations count(state);
  for (auto _ : state) {
    JsonScan scan(JsonScan::kRequest);
    scan.feed(body);
    benchmark::DoNotOptimize(scan.quarters());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.size()));
}
BENCHMARK(weigh_request)->Arg(1024)->Arg(64 * 1024);

// The model's name, which a route may ask for before the body is here.
void find_model(benchmark::State& state) {
  const std::string body = R"({"messages":[{"role":"user","content":")" +
                           std::string(static_cast<size_t>(state.range(0)), 'x') +
                           R"("}],"model":"gpt-4o"})";
  const Allocations count(state);
  for (auto _ : state) {
    ModelScanner scanner;
    benchmark::DoNotOptimize(scanner.feed(body));
    if (scanner.model() != "gpt-4o") return state.SkipWithError("no model");
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.size()));
}
BENCHMARK(find_model)->Arg(1024)->Arg(64 * 1024);

void usage_summed(benchmark::State& state) {
  const std::string first =
      R"({"promptTokenCount":200,"candidatesTokenCount":450,"totalTokenCount":650,)"
      R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":200}]})";
  const std::string second =
      R"({"promptTokenCount":650,"candidatesTokenCount":450,"totalTokenCount":1100,)"
      R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":650}]})";
  const Allocations count(state);
  for (auto _ : state) benchmark::DoNotOptimize(usage_sum(first, second));
}
BENCHMARK(usage_summed);

}  // namespace
}  // namespace culvert::bench
