// Many streams of events at once, each read to its end. What is measured is the time in which all
// of them stream: from the last head to the first end.
#pragma once

#include "tests/bench/load/event_stream.h"
#include "tests/bench/load/mode.h"

#include <string>
#include <vector>

namespace culvert::bench {

class SseMode : public Mode {
 public:
  SseMode(const Options& options, const Target& target, const Request& request)
      : Mode(options, target, request), streams_(options.connections) {}

  void on_connected(Connection& connection) override;
  void on_head(Connection& connection) override;
  void on_body(Connection& connection, std::string_view piece) override;
  void on_answer(Connection& connection) override;
  void on_lost(Connection&) override {}

 protected:
  void ramped(int64_t) override { all_open_ = true; }
  int64_t turn(int64_t now) override;
  bool done() const override { return ended_ == streams_.size(); }
  bool again(Connection& connection) override;
  void end_measuring() override;
  std::string extra() const override;

 private:
  struct Stream {
    EventStream events;
    bool headed = false;
  };

  std::vector<Stream> streams_;  // by the index of their connections
  EventCounts counts_;
  bool all_open_ = false;  // or failed
  size_t headed_ = 0;  // answered, or failed before
  size_t ended_ = 0;   // in whatever way
  uint64_t cut_ = 0;   // without [DONE]
};

}  // namespace culvert::bench
