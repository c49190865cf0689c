// The measured time is the silence; operations and their times are the second requests.
#include "tests/bench/load/idle_mode.h"

#include "tests/bench/load/now.h"

#include <fmt/format.h>
#include <unistd.h>

#include <limits>

namespace culvert::bench {
namespace {

constexpr size_t kAskingMax = 64;  // at a time: the second round is no burst

}  // namespace

InputEnd::InputEnd(Poller& poller) : poller_(poller) { poller.add(STDIN_FILENO, EPOLLIN, this); }

void InputEnd::on_events(uint32_t) {
  char ignored[256];
  if (read(STDIN_FILENO, ignored, sizeof ignored) > 0) return;
  ended_ = true;
  poller_.remove(STDIN_FILENO);
}

void IdleMode::on_connected(Connection& connection) {
  tried(connection);
  if (second_) return connection.close();  // told to end before all were open
  connection.send(request_, now_ns());
}

void IdleMode::on_answer(Connection& connection) {
  const bool good = judge(connection);
  if (asked_[connection.index()] == 0) {
    if (second_) return connection.close();
    ++first_;
    ++held_;
    if (!connection.reusable()) {
      connection.close();
      on_lost(connection);
    }
    return;
  }
  --asking_;
  if (!good) return;
  ++window_.operations;
  window_.latency.record(now_ns() - connection.started_ns());
}

void IdleMode::on_lost(Connection&) {
  ++lost_;
  dialing_.tally.fail(ErrorKind::kClosed);
}

bool IdleMode::again(Connection& connection) {
  if (asked_[connection.index()] != 0) {
    --asking_;
  } else {
    ++first_;
  }
  return false;
}

int64_t IdleMode::turn(int64_t now) {
  if (window_.begin_ns == 0 && first_ == connections_.size()) begin_window(now);
  if (!second_ && (told_to_end() || input_.ended())) {
    if (window_.begin_ns == 0) begin_window(now);
    end_window(now);
    second_ = true;
  }
  if (second_) ask_again();
  return std::numeric_limits<int64_t>::max();
}

void IdleMode::ask_again() {
  while (next_ < connections_.size() && asking_ < kAskingMax) {
    Connection& connection = *connections_[next_++];
    if (!connection.idle()) continue;
    ++asking_;
    asked_[connection.index()] = 1;
    connection.send(request_, now_ns());
  }
}

std::string IdleMode::extra() const {
  return fmt::format(R"(,"held":{},"lost":{},"failed_after":{})", held_, lost_,
                     held_ - window_.operations);
}

}  // namespace culvert::bench
