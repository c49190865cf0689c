// culvert_micro: Google Benchmark's own arguments, and nothing of the relay's log between figures.
#include "relay/base/log.h"

#include <benchmark/benchmark.h>

int main(int count, char** arguments) {
  culvert::log::set_level(culvert::log::Level::kError);
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
