// A request's head: read as it comes from an SDK, written as it goes up.
#include "relay/base/limits.h"
#include "relay/codec/encode.h"
#include "relay/codec/request_parser.h"
#include "tests/bench/micro/allocations.h"
#include "tests/bench/micro/samples.h"

namespace culvert::bench {
namespace {

constexpr HeadLimits kLimits{limits::kHeadBytes, limits::kHeadFields, limits::kTargetBytes};

// As on a connection that is kept alive: one parser, a head after the other, each taken out.
void request_head_parse(benchmark::State& state) {
  RequestParser parser(kLimits);
  std::string message(kSdkHead);
  message.append(1024, 'x');
  const Allocations count(state);
  for (auto _ : state) {
    std::string_view input = message;
    auto event = parser.next(&input);
    if (!event || event->kind != EventKind::kHead) return state.SkipWithError("no head");
    benchmark::DoNotOptimize(parser.take_head());
    while (event && event->kind != EventKind::kEnd) event = parser.next(&input);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kSdkHead.size()));
}
BENCHMARK(request_head_parse);

void request_head_encode(benchmark::State& state) {
  const Headers headers = sdk_headers();
  const Allocations count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(encode_request_head("POST", "/v1/chat/completions", headers));
  }
}
BENCHMARK(request_head_encode);

}  // namespace
}  // namespace culvert::bench
