// Choosing among 1 to 1,000 keys by each policy: all of them ready, and nine of ten at rest.
#include "relay/keys/key_ring.h"
#include "tests/bench/micro/allocations.h"

namespace culvert::bench {
namespace {

KeyPool spec(KeyPolicy policy, size_t keys) {
  KeyPool pool;
  pool.name = "pool";
  pool.upstream = "openai";
  pool.policy = policy;
  pool.rest = std::chrono::hours(1);
  pool.isolation = std::chrono::hours(1);
  for (size_t i = 0; i < keys; ++i) pool.keys.emplace_back("sk-number-" + std::to_string(i));
  return pool;
}

// All but every tenth, and never the last one that is left.
void rest_most(const KeyPoolState& pool) {
  std::vector<size_t> others;
  for (size_t index = 0; index < pool.size(); ++index) {
    if (index % 10 == 5 || pool.size() == 1) continue;
    others.clear();
    for (size_t i = 0; i < pool.size(); ++i) {
      if (i != index) others.push_back(i);
    }
    pool.choose(others, {})->report(KeyVerdict::kRateLimited);
  }
}

void key_choice(benchmark::State& state, KeyPolicy policy, bool resting) {
  FakeClock clock;
  SeededRandom random(42);
  KeyRing ring(clock, random);
  const auto pool = ring.pool(spec(policy, static_cast<size_t>(state.range(0))));
  if (resting) rest_most(*pool);
  const std::vector<size_t> tried;
  const std::string conversation("0123456789abcdef");  // as codec/prompt_prefix.h names it
  const Allocations count(state);
  for (auto _ : state) {
    auto lease = pool->choose({tried, conversation, "gpt-4o"});
    if (!lease) return state.SkipWithError("no key");
    lease->report(KeyVerdict::kGood);
    benchmark::DoNotOptimize(lease);
  }
  state.SetComplexityN(state.range(0));
}

#define CULVERT_KEY_CHOICE(name, policy)                      \
  BENCHMARK_CAPTURE(key_choice, name, policy, false)          \
      ->RangeMultiplier(10)                                   \
      ->Range(1, 1000)                                        \
      ->Complexity();                                         \
  BENCHMARK_CAPTURE(key_choice, name##_resting, policy, true) \
      ->RangeMultiplier(10)                                   \
      ->Range(10, 1000)                                       \
      ->Complexity()

CULVERT_KEY_CHOICE(round_robin, KeyPolicy::kRoundRobin);
CULVERT_KEY_CHOICE(random, KeyPolicy::kRandom);
CULVERT_KEY_CHOICE(least_used, KeyPolicy::kLeastUsed);
CULVERT_KEY_CHOICE(sticky, KeyPolicy::kSticky);

}  // namespace
}  // namespace culvert::bench
