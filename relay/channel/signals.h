// Signals as calls on one loop (the main one).
#pragma once

#include "relay/channel/loop.h"

#include <functional>
#include <memory>

namespace culvert {

class Signal {
 public:
  Signal(Loop& loop, int number, std::function<void()> arrived);
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal();

 private:
  struct Box;
  Box* box_;
  std::function<void()> arrived_;
};

// A write to a closed connection, or beyond the greatest size that a file may have (setrlimit(2)),
// is an error of that write, not the end of the process.
void ignore_failed_writes();

}  // namespace culvert
