// The open loop: requests begin at a fixed rate, whether answers have come or not. What cannot
// begin in time waits, and its time counts from when it was to begin: a stall is seen in every
// request that it held up, not in one (coordinated omission).
#pragma once

#include "tests/bench/load/mode.h"

#include <cstdint>
#include <string>
#include <vector>

namespace culvert::bench {

class OpenMode : public Mode {
 public:
  OpenMode(const Options& options, const Target& target, const Request& request);

  void on_connected(Connection& connection) override;
  void on_answer(Connection& connection) override;
  void on_lost(Connection& connection) override;

 protected:
  void ramped(int64_t now) override;
  int64_t turn(int64_t now) override;
  bool done() const override { return done_; }
  bool again(Connection& connection) override;
  // With a connection per request, each is opened when its request is due.
  bool opens_at_first() const override { return !options_.new_connection; }
  std::string extra() const override;

 private:
  int64_t due_ns(uint64_t number) const;
  void offer(Connection& connection);
  Connection* take();
  void start_due();
  void end(int64_t now);

  const double period_ns_;
  const uint64_t total_;   // requests, those of the warm-up first
  int64_t base_ns_ = 0;    // when the first one is due; 0: not yet
  int64_t begin_ns_ = 0;   // of what is measured
  int64_t end_ns_ = 0;
  uint64_t due_ = 0;       // requests that were due by now
  uint64_t begun_ = 0;     // of these
  uint64_t settled_ = 0;   // of these: answered or failed
  uint64_t late_ = 0;      // due, and not settled when the measured time was over
  bool done_ = false;
  std::vector<Connection*> free_;  // a ring, so that all connections take their turns
  size_t free_from_ = 0;
  size_t free_count_ = 0;
  std::vector<uint8_t> offered_;   // by index: stands in the ring
  std::vector<uint8_t> busy_;      // by index: has a request
  std::vector<int64_t> scheduled_ns_;
};

}  // namespace culvert::bench
