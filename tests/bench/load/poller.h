// epoll, level-triggered, with a time limit in nanoseconds. Level-triggered because a reader here
// stops where its answer ends, without the read that would only hear "would block", and still hears
// of what comes behind it.
#pragma once

#include "tests/bench/load/descriptor.h"

#include <sys/epoll.h>

#include <array>
#include <cstdint>

namespace culvert::bench {

class Polled {
 public:
  // EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR. May close its own descriptor, but no other's that might
  // be in the same batch.
  virtual void on_events(uint32_t events) = 0;

 protected:
  ~Polled() = default;
};

class Poller {
 public:
  Poller();

  // false: the descriptor cannot be polled (a file, /dev/null). `polled` outlives the descriptor.
  bool add(int fd, uint32_t events, Polled* polled);
  void change(int fd, uint32_t events, Polled* polled);
  void remove(int fd);

  // Calls on_events of all that is ready; waits for it until `until_ns` of CLOCK_MONOTONIC.
  void poll(int64_t until_ns);

 private:
  Descriptor epoll_;
  std::array<epoll_event, 256> ready_{};
};

}  // namespace culvert::bench
