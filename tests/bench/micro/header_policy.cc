// What the gate does with an SDK's head: who asks and who pays, and the fields that go up.
#include "relay/gate/credentials.h"
#include "relay/gate/upstream_headers.h"
#include "tests/bench/micro/allocations.h"
#include "tests/bench/micro/samples.h"

namespace culvert::bench {
namespace {

constexpr std::string_view kToken = "relay-token-0123456789";

Upstream openai() {
  Upstream upstream;
  upstream.name = "openai";
  upstream.dialect = Dialect::kOpenAi;
  upstream.user_agent = "culvert";
  upstream.key_header = "Authorization";
  upstream.key_scheme = "Bearer";
  return upstream;
}

void read_credentials_of_sdk(benchmark::State& state) {
  const Headers client = sdk_headers();
  const Upstream upstream = openai();
  const Tokens tokens({Secret(kToken)});
  const Allocations count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        read_credentials(client, "/openai/v1/chat/completions", &upstream, {}, tokens));
  }
}
BENCHMARK(read_credentials_of_sdk);

void upstream_headers_of_sdk(benchmark::State& state, bool generic) {
  const Headers client = sdk_headers();
  const Upstream upstream = openai();
  const Tokens tokens({Secret(kToken)});
  const Credentials credentials =
      read_credentials(client, "/openai/v1/chat/completions", &upstream, {}, tokens);
  const Secret key("sk-pool-0123456789abcdefghijklmnopqrstuvwxyz");
  const Allocations count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(upstream_headers({.client = client,
                                               .authority = "api.openai.com",
                                               .upstream = generic ? nullptr : &upstream,
                                               .credentials = credentials,
                                               .payer = generic ? Payer::kNone : Payer::kPool,
                                               .key = &key,
                                               .framing = BodyFraming::kLength,
                                               .content_length = 1024,
                                               .tokens = tokens}));
  }
}
BENCHMARK_CAPTURE(upstream_headers_of_sdk, preset, false);
BENCHMARK_CAPTURE(upstream_headers_of_sdk, generic, true);

}  // namespace
}  // namespace culvert::bench
