// Reads one stream of events as it arrives, in pieces cut anywhere, and checks what the upstream
// wrote into it: the time, the number, [DONE].
#pragma once

#include "tests/bench/load/histogram.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace culvert::bench {

// Of all streams together.
struct EventCounts {
  Histogram latency;         // of all events, from the upstream's write to our read
  Histogram steady_latency;  // of those that came while `steady`
  bool steady = false;
  uint64_t events = 0;
  uint64_t steady_events = 0;
  uint64_t out_of_order = 0;
  uint64_t unstamped = 0;  // events without a time or a number
};

class EventStream {
 public:
  // `now`: when `piece` was read.
  void take(std::string_view piece, int64_t now, EventCounts& counts);

  uint64_t events() const { return events_; }
  bool done() const { return done_; }      // [DONE] came
  bool broken() const { return broken_; }  // out of order, unstamped, or behind [DONE]

 private:
  void take_line(std::string_view line, int64_t now, EventCounts& counts);

  std::string kept_;  // the beginning of a line
  uint64_t events_ = 0;
  uint64_t next_ = 0;
  bool done_ = false;
  bool broken_ = false;
};

}  // namespace culvert::bench
