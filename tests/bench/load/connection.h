// One connection of the generator: opens, sends the run's request, reads the answer to its end, and
// tells the mode of each step. Owned by the mode, for its whole time; opened again and again.
#pragma once

#include "tests/bench/load/body.h"
#include "tests/bench/load/poller.h"
#include "tests/bench/load/request.h"
#include "tests/bench/load/tally.h"
#include "tests/bench/load/wire.h"

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>

namespace culvert::bench {

class Connection;

// What a mode does at each step. A connection calls it as the last thing that it does, but for
// on_head and on_body, in which it may be neither closed nor used.
class Steps {
 public:
  virtual void on_connected(Connection& connection) = 0;
  virtual void on_head(Connection&) {}
  virtual void on_body(Connection&, std::string_view) {}
  virtual void on_answer(Connection& connection) = 0;
  virtual void on_lost(Connection& connection) = 0;  // the peer closed it while it was idle
  virtual void on_failure(Connection& connection, ErrorKind kind) = 0;

 protected:
  ~Steps() = default;
};

struct Target {
  sockaddr_storage address{};
  socklen_t size = 0;
  Certificate verified;  // by the context
  Context context;       // nullptr: plain
  std::string name;
};

// What all connections of a run have together.
struct Dialing {
  explicit Dialing(const Target& to) : target(to) {}

  const Target& target;
  Poller poller;
  Tally tally;
  std::array<char, 262144> buffer{};  // of the read that is under way
};

class Connection final : public Polled {
 public:
  static constexpr int kQuietChecks = 4;

  Connection(Dialing& dialing, Steps& steps, size_t index)
      : dialing_(dialing), steps_(steps), index_(index) {}

  void open();
  // Idle connections only. `started_ns`: from when its latency counts.
  void send(const Request& request, int64_t started_ns);
  void close();
  // Fails where it waits for something and nothing has happened since kQuietChecks calls.
  void check_alive();
  void on_events(uint32_t events) override;

  size_t index() const { return index_; }
  bool closed() const { return stage_ == Stage::kClosed; }
  bool idle() const { return stage_ == Stage::kIdle; }
  bool waiting() const { return stage_ == Stage::kWaiting; }
  int64_t opened_ns() const { return opened_ns_; }
  int64_t started_ns() const { return started_ns_; }
  int status() const { return status_; }
  bool reusable() const { return reusable_; }  // after an answer

 private:
  enum class Stage { kClosed, kConnecting, kHandshake, kIdle, kWaiting };

  void established();
  void shake_hands();
  void send_rest();
  void read_all();
  bool take(std::string_view in);
  bool take_head(std::string_view& in);
  void ended(Flow flow);
  void answered();
  void watch(uint32_t events);
  void fail(ErrorKind kind);

  Dialing& dialing_;
  Steps& steps_;
  const size_t index_;
  Wire wire_;
  Session session_;  // of the connection before
  Stage stage_ = Stage::kClosed;
  uint32_t watched_ = 0;
  int quiet_checks_ = 0;  // calls of check_alive() since something happened
  const Request* request_ = nullptr;
  uint64_t sent_ = 0;
  HeadCollector collector_;
  BodyReader body_;
  bool in_body_ = false;
  bool reusable_ = false;
  int status_ = 0;
  int64_t opened_ns_ = 0;
  int64_t started_ns_ = 0;
};

}  // namespace culvert::bench
