// The closed loop: each connection sends its next request when it has its answer. Also bulk: there
// the request or the answer is large, and throughput is reported.
#pragma once

#include "tests/bench/load/mode.h"

namespace culvert::bench {

class ClosedMode : public Mode {
 public:
  using Mode::Mode;

  void on_connected(Connection& connection) override;
  void on_answer(Connection& connection) override;
  void on_lost(Connection& connection) override;

 protected:
  void ramped(int64_t now) override;
  int64_t turn(int64_t now) override;
  bool done() const override;
  bool again(Connection&) override { return !over_; }
  std::string extra() const override;

 private:
  int64_t begin_ns_ = 0;  // after the warm-up
  int64_t end_ns_ = 0;
  bool over_ = false;  // nothing new is begun
};

}  // namespace culvert::bench
