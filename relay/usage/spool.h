// Usage records on disk, from the end of a request until the control service has them. Shared by
// all workers, which append; read by the control link alone. A record that append() took survives
// the death of the process at any moment (not of the machine: see UsageSource::sync). Segments of a
// few MiB under one folder, deleted whole when all in them is acknowledged, bounded in all; a disk
// that takes no more costs records, which are counted, and never stops traffic.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/limits.h"
#include "relay/base/result.h"
#include "relay/usage/spool_folder.h"
#include "relay/config/usage_source.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace culvert {

struct SpoolCounts {
  uint64_t records = 0;  // that wait to be acknowledged
  uint64_t bytes = 0;    // on disk
  uint64_t lost = 0;     // since the process began
};

class Spool final : public UsageSource {
 public:
  // Cuts off what a crash tore, and goes on where the last process was. Errors: another process
  // has the folder, or it cannot be made. limit: bytes on disk in all.
  static Result<std::unique_ptr<Spool>> open(const std::string& folder,
                                             uint64_t limit,
                                             const Clock& clock);
  ~Spool() override;

  // Any thread. framed: by frame() of segment.h. False: it is lost, and counted.
  bool append(std::string_view framed);
  SpoolCounts counts() const;

  // The ids of the records of the newest two segments that the last process wrote. Before append().
  std::vector<std::string> newest_ids() const;

  // UsageSource
  UsageBatch next_batch(size_t most) override;
  void acknowledged(const SpoolPosition& end) override;
  void rewind() override;
  void sync() override;

 private:
  struct Given {
    SpoolPosition end;
    uint64_t records = 0;
    uint64_t lost = 0;
  };

  Spool(SpoolFolder folder, uint64_t limit, const Clock& clock);
  void recover();
  bool make_room(size_t bytes);
  bool roll();
  void close_active();
  void lose();
  bool read_some(size_t most, UsageBatch* batch);
  size_t take_records(std::string_view bytes, size_t most, UsageBatch* batch);
  const Segment* segment_from(uint64_t number) const;
  void drop_acknowledged();

  const SpoolFolder folder_;
  const uint64_t limit_;
  const uint64_t segment_bytes_;
  const Clock& clock_;

  mutable std::mutex mutex_;      // of what is written
  std::deque<Segment> segments_;  // ascending; the last is written to where active_ is open
  Fd active_;
  uint64_t bytes_ = 0;
  uint64_t next_number_ = 1;
  uint64_t lost_unsaid_ = 0;  // since the last line in the log
  Instant next_line_{};

  std::atomic<uint64_t> waiting_{0};
  std::atomic<uint64_t> lost_{0};

  SpoolPosition acknowledged_;  // written by the reader, under the lock

  // Of the reader.
  SpoolPosition cursor_;
  std::deque<Given> given_;
  uint64_t lost_given_ = 0;
  uint64_t lost_acknowledged_ = 0;
};

}  // namespace culvert
