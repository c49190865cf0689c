// One run of the generator: opens its connections a few at a time, measures, and reports. What is
// done with a connection is the subclass's: closed_mode.h, open_mode.h, sse_mode.h, idle_mode.h.
#pragma once

#include "tests/bench/load/connection.h"
#include "tests/bench/load/end_signal.h"
#include "tests/bench/load/options.h"

#include <memory>
#include <string>
#include <vector>

namespace culvert::bench {

class Mode : public Steps {
 public:
  Mode(const Options& options, const Target& target, const Request& request);
  virtual ~Mode() = default;

  // Until it is done or a signal ends it. Says `ready` on standard error when what is measured
  // begins, and `draining` when it ends.
  void run();
  std::string report() const;  // one JSON object
  bool failed() const { return dialing_.tally.error_count() > 0; }

  void on_failure(Connection& connection, ErrorKind kind) override;

 protected:
  // All connections were opened, or failed, once.
  virtual void ramped(int64_t now) = 0;
  // Once per turn; gives when it wants the next one at the latest.
  virtual int64_t turn(int64_t now) = 0;
  virtual bool done() const = 0;
  // A signal ended the run while it measured.
  virtual void end_measuring();
  // Members of the report, each with a comma before it.
  virtual std::string extra() const { return {}; }
  // A connection failed: it is opened again after a rest, unless this says no.
  virtual bool again(Connection&) { return true; }
  virtual bool opens_at_first() const { return true; }
  virtual bool ends_at_signal() const { return true; }

  void begin_window(int64_t now);
  void end_window(int64_t now);
  // Counts the answer of `connection`. false: its status was not 200, which is an error.
  bool judge(Connection& connection);
  void tried(Connection& connection);  // to be called by on_connected: it is open
  bool told_to_end() const { return end_.ended(); }

  const Options& options_;
  const Request& request_;
  Dialing dialing_;
  Window window_;
  std::vector<std::unique_ptr<Connection>> connections_;

 private:
  void open_some();
  void rest_is_over(int64_t now);
  void check_all(int64_t now);

  EndSignal end_;
  size_t begun_ = 0;    // connections that were opened, or are being
  size_t opening_ = 0;  // of these, how many have neither opened nor failed
  std::vector<uint8_t> tried_;  // by index: it has
  bool ramped_ = false;
  std::vector<Connection*> resting_;
  int64_t rest_until_ns_ = 0;
  int64_t check_at_ns_ = 0;
};

}  // namespace culvert::bench
