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
  return static_cast<double>(end_ns - begin_ns) / static_cast<double>(kSecond);
}

}  // namespace culvert::bench
