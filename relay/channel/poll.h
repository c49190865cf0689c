// Readiness of one descriptor. The descriptor stays its owner's: it may be closed as soon as the
// Poll is destroyed.
#pragma once

#include "relay/channel/loop.h"

#include <cstdint>
#include <optional>

namespace culvert {

struct Ready {
  bool readable = false;
  bool writable = false;
  bool peer_closed = false;  // EPOLLRDHUP: the peer sends no more
  bool failed = false;       // EPOLLERR: the next call on the descriptor says why
};

class PollSink {
 public:
  virtual ~PollSink() = default;
  virtual void on_ready(Ready ready) = 0;
  // The handling ran out of memory and was left half done.
  virtual void on_out_of_memory() = 0;
};

class Poll {
 public:
  enum Interest : uint8_t { kNone = 0, kRead = 1, kWrite = 2, kPeerClosed = 4 };

  Poll(Loop& loop, int fd, PollSink& sink);
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;
  ~Poll();

  // Level-triggered. Cheap where nothing changes.
  void watch(int interest);

 private:
  struct Box;
  static void tell(Box* box, Ready ready);
  static void give_up(Box* box);
  void arm(int interest);
  std::optional<Ready> wanted(int status, int happened);

  Box* box_;
  int interest_ = kNone;
  int armed_ = kNone;  // what libuv watches; for reading it may be more than the interest
};

}  // namespace culvert
