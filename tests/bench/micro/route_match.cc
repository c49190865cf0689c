// Finding a route among 10 to 10,000, by what tells them apart, and an alias among as many. The
// request falls under one in the middle.
#include "relay/gate/tokens.h"
#include "relay/route/route_table.h"
#include "relay/route/target.h"
#include "tests/bench/micro/allocations.h"
#include "tests/bench/micro/samples.h"

namespace culvert::bench {
namespace {

enum class ToldBy { kPath, kHost, kWildHost, kModel, kHeader };

Route numbered(ToldBy by, size_t number) {
  const std::string text = std::to_string(number);
  Route route;
  route.name = "route-" + text;
  switch (by) {
    case ToldBy::kPath:
      route.path_prefix = "/team-" + text + "/v1";
      break;
    case ToldBy::kHost:
      route.hosts = {HostPattern{"team-" + text + ".example.com"}};
      break;
    case ToldBy::kWildHost:
      route.hosts = {HostPattern{"*.team-" + text + ".example.com"}};
      break;
    case ToldBy::kModel:
      route.models = {"model-" + text};
      break;
    case ToldBy::kHeader:
      route.headers = {{"x-team", "team-" + text}};
      break;
  }
  return route;
}

void route_match(benchmark::State& state, ToldBy by) {
  const auto most = static_cast<size_t>(state.range(0));
  std::vector<Route> routes;
  for (size_t i = 0; i < most; ++i) routes.push_back(numbered(by, i));
  const std::string middle = std::to_string(most / 2);
  const RouteTable table(routes);
  Headers headers = sdk_headers();
  headers.add("x-team", "team-" + middle);
  const std::string path = by == ToldBy::kPath ? "/team-" + middle + "/v1/chat/completions"
                                               : "/openai/v1/chat/completions";
  const std::string host =
      (by == ToldBy::kWildHost ? "api.team-" : "team-") + middle + ".example.com:8443";
  const std::string model = "model-" + middle;
  const Allocations count(state);
  for (auto _ : state) {
    const auto match = table.find({.path = path, .host = host, .model = model, .headers = headers});
    if (match.route == nullptr) return state.SkipWithError("no route");
    benchmark::DoNotOptimize(match);
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK_CAPTURE(route_match, path, ToldBy::kPath)
    ->RangeMultiplier(10)
    ->Range(10, 10000)
    ->Complexity();
BENCHMARK_CAPTURE(route_match, host, ToldBy::kHost)
    ->RangeMultiplier(10)
    ->Range(10, 10000)
    ->Complexity();
BENCHMARK_CAPTURE(route_match, wild_host, ToldBy::kWildHost)
    ->RangeMultiplier(10)
    ->Range(10, 10000)
    ->Complexity();
BENCHMARK_CAPTURE(route_match, model, ToldBy::kModel)
    ->RangeMultiplier(10)
    ->Range(10, 10000)
    ->Complexity();
BENCHMARK_CAPTURE(route_match, header, ToldBy::kHeader)
    ->RangeMultiplier(10)
    ->Range(10, 10000)
    ->Complexity();

class Check final : public TokenCheck {
 public:
  explicit Check(const Tokens& tokens) : tokens_(tokens) {}
  bool is_token(std::string_view text) const override { return tokens_.is_token(text); }

 private:
  const Tokens& tokens_;
};

void locate_alias(benchmark::State& state) {
  Snapshot snapshot;
  for (int64_t i = 0; i < state.range(0); ++i) {
    const std::string name = "upstream-" + std::to_string(i);
    snapshot.upstreams[name].name = name;
  }
  const std::string target =
      "/upstream-" + std::to_string(state.range(0) / 2) + "/v1/chat/completions";
  const Tokens tokens({Secret("relay-token-0123456789")});
  const Check check(tokens);
  const Allocations count(state);
  for (auto _ : state) {
    const auto where = locate(target, snapshot, check);
    if (!where || where->place != Place::kPreset) return state.SkipWithError("no preset");
    benchmark::DoNotOptimize(where);
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK(locate_alias)->RangeMultiplier(10)->Range(10, 10000)->Complexity();

}  // namespace
}  // namespace culvert::bench
