// Sums and words.
#include "tests/bench/load/tally.h"

#include "tests/bench/load/now.h"

#include <fmt/format.h>

#include <numeric>
#include <string_view>

namespace culvert::bench {

uint64_t Tally::error_count() const {
  return std::accumulate(errors.begin(), errors.end(), uint64_t{0});
}

std::string Tally::errors_json() const {
  constexpr std::array<std::string_view, kErrorKinds> kWords = {
      "connect", "tls", "closed", "status", "short", "parse", "timeout"};
  std::string json = "{";
  for (size_t i = 0; i < kErrorKinds; ++i) {
    json += fmt::format(R"({}"{}":{})", i == 0 ? "" : ",", kWords[i], errors[i]);
  }
  return json + "}";
}

void Window::begin(int64_t now, const Tally& tally) {
  begin_ns = now;
  cpu_ns = bench::cpu_ns();
  bytes_in = tally.bytes_in;
  bytes_out = tally.bytes_out;
}

void Window::end(int64_t now, const Tally& tally) {
  end_ns = now;
  cpu_ns = bench::cpu_ns() - cpu_ns;
  bytes_in = tally.bytes_in - bytes_in;
  bytes_out = tally.bytes_out - bytes_out;
}

double Window::seconds() const {
  if (begin_ns == 0) return 0;
  return static_cast<double>(end_ns - begin_ns) / static_cast<double>(kSecond);
}

std::string report(const Options& options,
                   const Window& window,
                   const Tally& tally,
                   const std::string& extra) {
  const auto per = [](double a, double b) { return b > 0 ? a / b : 0.0; };
  const auto operations = static_cast<double>(window.operations);
  const double cpu_us = static_cast<double>(window.cpu_ns) / 1000.0;
  return fmt::format(
      R"({{"mode":"{}","connections":{},"seconds":{:.3f},"operations":{},"errors":{},)"
      R"("error_kinds":{},"per_second":{:.1f},"cpu_us_per_operation":{:.3f},"latency_us":{},)"
      R"("bytes_in":{},"bytes_out":{},"requests":{},"answers":{},"handshakes":{},"resumed":{},)"
      R"("reconnects":{}{}}})",
      options.mode, options.connections, window.seconds(), window.operations, tally.error_count(),
      tally.errors_json(), per(operations, window.seconds()), per(cpu_us, operations),
      window.latency.json_us(), window.bytes_in, window.bytes_out, tally.requests, tally.answers,
      tally.handshakes, tally.resumed, tally.reconnects, extra);
}

}  // namespace culvert::bench
