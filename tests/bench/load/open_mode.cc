// Requests have numbers; the time of each follows from its number, and no list of them is kept.
#include "tests/bench/load/open_mode.h"

#include "tests/bench/load/now.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace culvert::bench {
namespace {

int64_t duration(double seconds) { return static_cast<int64_t>(seconds * double{kSecond}); }

}  // namespace

OpenMode::OpenMode(const Options& options, const Target& target, const Request& request)
    : Mode(options, target, request),
      period_ns_(double{kSecond} / options.rate),
      total_(static_cast<uint64_t>((options.warmup + options.seconds) * options.rate)),
      free_(options.connections),
      offered_(options.connections),
      busy_(options.connections),
      scheduled_ns_(options.connections) {
  if (opens_at_first()) return;
  for (const auto& connection : connections_) offer(*connection);
}

int64_t OpenMode::due_ns(uint64_t number) const {
  return base_ns_ + static_cast<int64_t>(static_cast<double>(number) * period_ns_);
}

void OpenMode::ramped(int64_t now) {
  base_ns_ = now;
  begin_ns_ = now + duration(options_.warmup);
  end_ns_ = begin_ns_ + duration(options_.seconds);
}

int64_t OpenMode::turn(int64_t now) {
  if (base_ns_ == 0) return std::numeric_limits<int64_t>::max();
  if (window_.begin_ns == 0 && now >= begin_ns_) begin_window(now);
  while (due_ < total_ && due_ns(due_) <= now) ++due_;
  start_due();
  if (window_.end_ns == 0 && now >= end_ns_) {
    end_window(now);
    late_ = due_ - settled_;
  }
  if (window_.end_ns != 0) end(now);
  const int64_t next = due_ < total_ ? due_ns(due_) : now + kMillisecond;
  return window_.begin_ns == 0 ? std::min(next, begin_ns_) : next;
}

// What waits for a connection after all is given as long as an answer would be.
void OpenMode::end(int64_t now) {
  if (settled_ == total_) done_ = true;
  if (done_ || now < end_ns_ + duration(options_.timeout)) return;
  for (uint64_t number = settled_; number < total_; ++number) {
    dialing_.tally.fail(ErrorKind::kTimeout);
  }
  done_ = true;
}

void OpenMode::offer(Connection& connection) {
  if (offered_[connection.index()] != 0) return;
  offered_[connection.index()] = 1;
  free_[(free_from_ + free_count_) % free_.size()] = &connection;
  ++free_count_;
}

// nullptr: all have a request. A connection that was lost since it was offered is passed over: it
// is offered again when it is open.
Connection* OpenMode::take() {
  while (free_count_ > 0) {
    Connection* connection = free_[free_from_];
    free_from_ = (free_from_ + 1) % free_.size();
    --free_count_;
    offered_[connection->index()] = 0;
    if (options_.new_connection ? connection->closed() : connection->idle()) return connection;
  }
  return nullptr;
}

void OpenMode::start_due() {
  while (begun_ < due_) {
    Connection* connection = take();
    if (connection == nullptr) return;
    const int64_t scheduled = due_ns(begun_++);
    scheduled_ns_[connection->index()] = scheduled;
    busy_[connection->index()] = 1;
    if (options_.new_connection) {
      connection->open();
    } else {
      connection->send(request_, scheduled);
    }
  }
}

void OpenMode::on_connected(Connection& connection) {
  tried(connection);
  if (!options_.new_connection) return offer(connection);
  connection.send(request_, scheduled_ns_[connection.index()]);
}

void OpenMode::on_answer(Connection& connection) {
  const int64_t now = now_ns();
  busy_[connection.index()] = 0;
  ++settled_;
  if (judge(connection) && connection.started_ns() >= begin_ns_) {
    window_.latency.record(now - connection.started_ns());
    if (window_.open()) ++window_.operations;
  }
  if (options_.new_connection) {
    connection.close();
    offer(connection);
  } else if (connection.reusable()) {
    offer(connection);
  } else {
    ++dialing_.tally.reconnects;
    connection.close();
    connection.open();
  }
  start_due();
}

void OpenMode::on_lost(Connection& connection) {
  ++dialing_.tally.reconnects;
  connection.open();
}

bool OpenMode::again(Connection& connection) {
  if (busy_[connection.index()] != 0) ++settled_;
  busy_[connection.index()] = 0;
  if (!options_.new_connection) return true;
  offer(connection);
  return false;
}

std::string OpenMode::extra() const {
  return fmt::format(R"(,"rate":{},"scheduled":{},"late":{})", options_.rate, total_, late_);
}

}  // namespace culvert::bench
