// Holds many connections that do nothing: one request on each, then silence until SIGTERM or the
// end of standard input, then one more on each, which shows who is still there.
#pragma once

#include "tests/bench/load/mode.h"

#include <cstdint>
#include <string>
#include <vector>

namespace culvert::bench {

// Standard input, for its end. A file or /dev/null has none that could be waited for.
class InputEnd : public Polled {
 public:
  explicit InputEnd(Poller& poller);
  void on_events(uint32_t events) override;
  bool ended() const { return ended_; }

 private:
  Poller& poller_;
  bool ended_ = false;
};

class IdleMode : public Mode {
 public:
  IdleMode(const Options& options, const Target& target, const Request& request)
      : Mode(options, target, request),
        input_(dialing_.poller),
        asked_(options.connections) {}

  void on_connected(Connection& connection) override;
  void on_answer(Connection& connection) override;
  void on_lost(Connection& connection) override;

 protected:
  void ramped(int64_t) override {}
  int64_t turn(int64_t now) override;
  bool done() const override { return second_ && next_ == connections_.size() && asking_ == 0; }
  bool again(Connection& connection) override;
  bool ends_at_signal() const override { return false; }
  std::string extra() const override;

 private:
  void ask_again();

  InputEnd input_;
  size_t first_ = 0;     // connections that had their first answer, or failed
  uint64_t held_ = 0;    // of these, with an answer
  uint64_t lost_ = 0;    // of these, closed by the peer while they were held
  bool second_ = false;  // the second request goes round
  size_t next_ = 0;      // connection that is asked next
  size_t asking_ = 0;
  std::vector<uint8_t> asked_;  // by index: for the second time
};

}  // namespace culvert::bench
