// The loop that all modes share: ramp, rests after failures, the check for answers that do not
// come.
#include "tests/bench/load/mode.h"

#include "tests/bench/load/now.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace culvert::bench {
namespace {

// A burst of thousands of handshakes would measure the queue of the listener.
constexpr size_t kOpeningMax = 64;
constexpr int64_t kRest = 10 * kMillisecond;  // after a failure, so that it does not spin

void say(const char* word) {
  fmt::print(stderr, "{}\n", word);
  std::fflush(stderr);
}

}  // namespace

Mode::Mode(const Options& options, const Target& target, const Request& request)
    : options_(options), request_(request), dialing_(target), end_(dialing_.poller),
      tried_(options.connections) {
  for (size_t i = 0; i < options.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(dialing_, *this, i));
  }
  resting_.reserve(options.connections);
}

void Mode::run() {
  check_at_ns_ = now_ns();
  while (!done() && !(told_to_end() && ends_at_signal())) {
    const int64_t now = now_ns();
    if (!ramped_) open_some();
    if (!ramped_ && begun_ == connections_.size() && opening_ == 0) {
      ramped_ = true;
      ramped(now);
    }
    rest_is_over(now);
    check_all(now);
    const int64_t own = resting_.empty() ? check_at_ns_ : rest_until_ns_;
    dialing_.poller.poll(std::min(turn(now), own));
  }
  if (window_.open()) end_measuring();
}

void Mode::end_measuring() { end_window(now_ns()); }

void Mode::open_some() {
  if (!opens_at_first()) begun_ = connections_.size();
  while (begun_ < connections_.size() && opening_ < kOpeningMax) {
    ++opening_;
    connections_[begun_++]->open();
  }
}

void Mode::tried(Connection& connection) {
  if (ramped_ || tried_[connection.index()] != 0) return;
  tried_[connection.index()] = 1;
  --opening_;
}

void Mode::on_failure(Connection& connection, ErrorKind kind) {
  dialing_.tally.fail(kind);
  tried(connection);
  if (!again(connection)) return;
  if (resting_.empty()) rest_until_ns_ = now_ns() + kRest;
  resting_.push_back(&connection);
}

void Mode::rest_is_over(int64_t now) {
  if (resting_.empty() || now < rest_until_ns_) return;
  std::vector<Connection*> rested;
  rested.swap(resting_);
  for (Connection* connection : rested) connection->open();
}

void Mode::check_all(int64_t now) {
  if (now < check_at_ns_) return;
  check_at_ns_ = now + static_cast<int64_t>(options_.timeout * static_cast<double>(kSecond)) /
                           Connection::kQuietChecks;
  for (const auto& connection : connections_) connection->check_alive();
}

void Mode::begin_window(int64_t now) {
  window_.begin(now, dialing_.tally);
  say("ready");
}

void Mode::end_window(int64_t now) {
  window_.end(now, dialing_.tally);
  say("draining");
}

bool Mode::judge(Connection& connection) {
  if (connection.status() == 200) return true;
  dialing_.tally.fail(ErrorKind::kStatus);
  return false;
}

std::string Mode::report() const {
  return bench::report(options_, window_, dialing_.tally, extra());
}

}  // namespace culvert::bench
