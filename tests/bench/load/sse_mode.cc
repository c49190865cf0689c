// A stream that fails is not begun again: what it lacks counts as missing.
#include "tests/bench/load/sse_mode.h"

#include "tests/bench/load/now.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace culvert::bench {

void SseMode::on_connected(Connection& connection) {
  tried(connection);
  connection.send(request_, now_ns());
}

void SseMode::on_head(Connection& connection) {
  streams_[connection.index()].headed = true;
  ++headed_;
}

void SseMode::on_body(Connection& connection, std::string_view piece) {
  if (connection.status() != 200) return;
  streams_[connection.index()].events.take(piece, now_ns(), counts_);
}

void SseMode::on_answer(Connection& connection) {
  end_measuring();
  ++ended_;
  const EventStream& events = streams_[connection.index()].events;
  if (!events.done()) ++cut_;
  if (judge(connection)) {
    if (events.broken()) dialing_.tally.fail(ErrorKind::kParse);
    if (!events.done() || events.events() != options_.events) {
      dialing_.tally.fail(ErrorKind::kShort);
    }
  }
  connection.close();
}

bool SseMode::again(Connection& connection) {
  ++ended_;
  ++cut_;
  if (!streams_[connection.index()].headed) ++headed_;
  return false;
}

int64_t SseMode::turn(int64_t now) {
  if (window_.begin_ns == 0 && all_open_ && headed_ == streams_.size()) {
    begin_window(now);
    counts_.steady = true;
  }
  return std::numeric_limits<int64_t>::max();
}

// Streams so short that they never were all there at once have no steady part: both words are said
// all the same, for whoever waits for them.
void SseMode::end_measuring() {
  if (window_.end_ns != 0) return;
  const int64_t now = now_ns();
  if (window_.begin_ns == 0) begin_window(now);
  counts_.steady = false;
  window_.operations = counts_.steady_events;
  window_.latency = counts_.steady_events > 0 ? counts_.steady_latency : counts_.latency;
  end_window(now);
}

std::string SseMode::extra() const {
  const uint64_t expected = streams_.size() * options_.events;
  return fmt::format(
      R"(,"events":{},"events_expected":{},"missing":{},"out_of_order":{},"unstamped":{},)"
      R"("streams_cut":{},"latency_all_us":{})",
      counts_.events, expected, expected - std::min(expected, counts_.events),
      counts_.out_of_order, counts_.unstamped, cut_, counts_.latency.json_us());
}

}  // namespace culvert::bench
