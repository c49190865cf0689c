// An answer's time begins with its request, or with its connection where each has its own.
#include "tests/bench/load/closed_mode.h"

#include "tests/bench/load/now.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace culvert::bench {
namespace {

int64_t duration(double seconds) { return static_cast<int64_t>(seconds * double{kSecond}); }

}  // namespace

void ClosedMode::on_connected(Connection& connection) {
  tried(connection);
  if (over_) return connection.close();
  connection.send(request_, options_.new_connection ? connection.opened_ns() : now_ns());
}

void ClosedMode::on_answer(Connection& connection) {
  const int64_t now = now_ns();
  if (judge(connection) && window_.open()) {
    ++window_.operations;
    window_.latency.record(now - connection.started_ns());
  }
  if (over_) return connection.close();
  if (connection.reusable() && !options_.new_connection) return connection.send(request_, now);
  if (!options_.new_connection) ++dialing_.tally.reconnects;
  connection.close();
  connection.open();
}

void ClosedMode::on_lost(Connection& connection) {
  if (!over_) connection.open();
}

void ClosedMode::ramped(int64_t now) {
  begin_ns_ = now + duration(options_.warmup);
  end_ns_ = begin_ns_ + duration(options_.seconds);
}

int64_t ClosedMode::turn(int64_t now) {
  if (begin_ns_ == 0) return std::numeric_limits<int64_t>::max();
  if (window_.begin_ns == 0) {
    if (now < begin_ns_) return begin_ns_;
    begin_window(now);
    end_ns_ = now + duration(options_.seconds);
  }
  if (!over_ && now >= end_ns_) {
    end_window(now);
    over_ = true;
  }
  return over_ ? now + kMillisecond : end_ns_;
}

// With a connection for each request, one may be on its way to its request.
bool ClosedMode::done() const {
  return over_ && std::none_of(connections_.begin(), connections_.end(),
                               [](const auto& connection) { return connection->waiting(); });
}

std::string ClosedMode::extra() const {
  if (options_.mode != "bulk") return {};
  const uint64_t bytes = options_.direction == "up" ? window_.bytes_out : window_.bytes_in;
  const double seconds = window_.seconds();
  const double mib = static_cast<double>(bytes) / double{1U << 20};
  return fmt::format(R"(,"direction":"{}","mib_per_second":{:.1f},"cpu_us_per_mib":{:.2f})",
                     options_.direction, seconds > 0 ? mib / seconds : 0.0,
                     mib > 0 ? static_cast<double>(window_.cpu_ns) / 1000.0 / mib : 0.0);
}

}  // namespace culvert::bench
