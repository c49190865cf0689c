// The live streams of relays, so that a change reaches them at once: a wake-up where something is
// new, an end where a relay was removed, another stream took its place, or the service stops.
// Owned by main. Safe on any thread.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/error.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace culvert::control {

// One live stream. All are called under the switchboard's lock: they only leave a note.
class Line {
 public:
  virtual ~Line() = default;
  virtual void wake() = 0;
  // From time to time: ends itself where the relay has stopped taking what is sent.
  virtual void check(Instant now) = 0;
  virtual void end(const Error& why) = 0;
};

enum class LineKind : uint8_t { kSync, kMetrics, kLedger };

class Switchboard {
 public:
  // Keeps a line plugged in; not called for it after its destructor.
  class Plug {
   public:
    Plug(Switchboard& board, std::string relay, LineKind kind, Line& line);
    Plug(const Plug&) = delete;
    Plug& operator=(const Plug&) = delete;
    ~Plug();
    uint64_t number() const { return number_; }  // ascends

   private:
    Switchboard& board_;
    std::pair<std::string, LineKind> place_;
    uint64_t number_ = 0;
  };

  void wake_all();
  void check_all(Instant now);
  void wake(const std::string& relay);
  // All streams of the relay.
  void end(const std::string& relay, const Error& why);
  // All streams, and every one that is plugged in from now on.
  void close();
  size_t size() const;

 private:
  struct Plugged {
    uint64_t number;
    Line* line;
  };

  mutable std::mutex mutex_;
  // One line of a kind for each relay: a second ends the first, which may be a connection that the
  // relay has lost and the service has not yet.
  std::map<std::pair<std::string, LineKind>, Plugged> lines_;
  uint64_t numbers_ = 0;
  bool closed_ = false;
};

}  // namespace culvert::control
