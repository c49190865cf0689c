// What the control link sees of the spool: records in order, given until they are acknowledged.
// One thread, the link's; the records come from all workers meanwhile.
#pragma once

#include "culvert/v1/usage.pb.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace culvert {

// Between two records of the spool; ascends with time, also over restarts.
struct SpoolPosition {
  uint64_t segment = 0;
  uint64_t offset = 0;
  friend auto operator<=>(const SpoolPosition&, const SpoolPosition&) = default;
};

struct UsageBatch {
  std::vector<v1::UsageRecord> records;
  SpoolPosition end;        // what acknowledged() is called with when the service has them
  uint64_t lost = 0;        // records that the disk could not take, since the process began
  bool tells_loss = false;  // whether `lost` has grown since the batch before
  bool empty() const { return records.empty() && !tells_loss; }
};

class UsageSource {
 public:
  virtual ~UsageSource() = default;

  // The oldest records that were not given yet, at most `most` of them. Empty: there is nothing to
  // tell now.
  virtual UsageBatch next_batch(size_t most) = 0;
  // The service has all up to here. Batches are acknowledged in their order; one may stand for
  // those before it. Never for a batch of before the last rewind().
  virtual void acknowledged(const SpoolPosition& end) = 0;
  // A new stream: what was given and not acknowledged is given again.
  virtual void rewind() = 0;
  // Makes what was written outlive a loss of power too (fdatasync, which may take a second).
  // Called every few seconds while the service is away, and never by a worker.
  virtual void sync() = 0;
};

}  // namespace culvert
