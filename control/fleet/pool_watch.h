// Tells when a relay's key pools shrink and grow again, from its reports: each change once, and of
// one pool at most so many in a while, so that a flapping key does not fill the audit log; what was
// kept back is told as one change later. Owned by the link service. Safe on any thread.
#pragma once

#include "culvert/v1/link.pb.h"
#include "relay/base/clock.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace culvert::control {

struct PoolNews {
  bool shrunk = false;  // or it has grown again
  std::string pool;
  std::string upstream;
  uint32_t left = 0;
  uint32_t keys = 0;
};

class PoolWatch {
 public:
  // A relay's first report is news where a pool has lost keys already. A changed configuration is
  // none: what counts is how many keys of a pool are lost.
  std::vector<PoolNews> look(const std::string& relay,
                             const v1::MetricsReport& report,
                             Instant now);

 private:
  struct Told {
    uint32_t lost = 0;
    Instant since{};     // when its present while began
    uint32_t times = 0;  // told in it
  };
  using Pools = std::map<std::string, Told>;  // by name

  std::mutex mutex_;
  std::map<std::string, Pools> relays_;
};

}  // namespace culvert::control
