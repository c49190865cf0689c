// An answer's head: read as it comes from a vendor, its fields chosen, written as it goes down.
#include "relay/codec/encode.h"
#include "relay/codec/response_parser.h"
#include "relay/gate/downstream_headers.h"
#include "tests/bench/micro/allocations.h"
#include "tests/bench/micro/samples.h"

namespace culvert::bench {
namespace {

void response_head_parse(benchmark::State& state) {
  const Allocations count(state);
  for (auto _ : state) {
    ResponseParser parser(false);  // there is one for each answer
    std::string_view input = kVendorHead;
    const auto event = parser.next(&input);
    if (!event || event->kind != EventKind::kHead) return state.SkipWithError("no head");
    benchmark::DoNotOptimize(parser.head());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kVendorHead.size()));
}
BENCHMARK(response_head_parse);

void response_head_policy(benchmark::State& state) {
  const Headers headers = vendor_headers();
  const Allocations count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        downstream_headers(headers, false, "0123456789abcdef0123456789abcdef"));
  }
}
BENCHMARK(response_head_policy);

void response_head_encode(benchmark::State& state) {
  const Headers headers = downstream_headers(vendor_headers(), false, {});
  const Allocations count(state);
  for (auto _ : state) benchmark::DoNotOptimize(encode_response_head(200, "OK", headers));
}
BENCHMARK(response_head_encode);

}  // namespace
}  // namespace culvert::bench
