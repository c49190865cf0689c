// SIGTERM and SIGINT as something to poll for.
#pragma once

#include "tests/bench/load/poller.h"

namespace culvert::bench {

class EndSignal : public Polled {
 public:
  explicit EndSignal(Poller& poller);
  void on_events(uint32_t) override { ended_ = true; }
  bool ended() const { return ended_; }

 private:
  Descriptor fd_;
  bool ended_ = false;
};

}  // namespace culvert::bench
