// What a run counted, and how it is reported.
#pragma once

#include "tests/bench/load/histogram.h"
#include "tests/bench/load/options.h"

#include <array>
#include <cstdint>
#include <string>

namespace culvert::bench {

enum class ErrorKind { kConnect, kTls, kClosed, kStatus, kShort, kParse, kTimeout };
constexpr size_t kErrorKinds = 7;

struct Tally {
  std::array<uint64_t, kErrorKinds> errors{};
  uint64_t requests = 0;    // all that were begun
  uint64_t answers = 0;     // all that came whole, of any status
  uint64_t handshakes = 0;  // of TLS, that were done
  uint64_t resumed = 0;     // of these
  uint64_t reconnects = 0;  // connections that the peer ended between two requests
  uint64_t bytes_in = 0;    // of HTTP, inside TLS
  uint64_t bytes_out = 0;

  void fail(ErrorKind kind) { ++errors[static_cast<size_t>(kind)]; }
  uint64_t error_count() const;
  std::string errors_json() const;  // {"connect":0,…}
};

// What was counted while it was measured, without warm-up and end.
struct Window {
  Histogram latency;
  uint64_t operations = 0;
  int64_t begin_ns = 0;  // 0: not yet
  int64_t end_ns = 0;    // 0: not yet
  int64_t cpu_ns = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;

  bool open() const { return begin_ns != 0 && end_ns == 0; }
  void begin(int64_t now, const Tally& tally);
  void end(int64_t now, const Tally& tally);
  double seconds() const;
};

// One JSON object. `extra`: members of the mode's own, each with a comma before it.
std::string report(const Options& options,
                   const Window& window,
                   const Tally& tally,
                   const std::string& extra);

}  // namespace culvert::bench
