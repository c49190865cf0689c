// Recovery, and what happens without a disk; see accounts.h.
#include "relay/usage/accounts.h"

#include "relay/base/log.h"
#include "relay/usage/segment.h"
#include "relay/usage/usage_message.h"

#include <unordered_set>

namespace culvert {

Accounts::Accounts(const Options& options, const Clock& clock) {
  auto spool = Spool::open(options.folder, options.spool_bytes, clock);
  if (!spool) {
    log::error("usage is not recorded", {{"error", spool.error().detail}});
    return;
  }
  spool_ = std::move(spool).value();
  auto running = Running::open(options.folder + "/running", options.running);
  if (!running) {
    log::error("usage of requests that a crash interrupts is not recorded",
               {{"error", running.error().detail}});
    return;
  }
  running_.emplace(std::move(running).value());
  recover();
}

// A process may have died between writing a record and freeing its slot, or in here.
void Accounts::recover() {
  const auto left = running_->take_left();
  if (!left.empty()) {
    const auto ids = spool_->newest_ids();
    const std::unordered_set<std::string> written(ids.begin(), ids.end());
    size_t recovered = 0;
    for (const RequestRecord& record : left) {
      if (written.count(record.id) > 0) continue;
      append(record);
      ++recovered;
    }
    log::warn("requests that ran when the relay died were recorded", {{"requests", recovered}});
  }
  running_->begin();
}

RunningRequest Accounts::begin(const RequestRecord& record) {
  return running_ ? RunningRequest(*running_, record) : RunningRequest();
}

void Accounts::append(const RequestRecord& record) {
  // Their memory is kept: a record costs no allocation after a thread's first few.
  thread_local v1::UsageRecord message;
  thread_local std::string bytes;
  thread_local std::string framed;
  to_message(record, &message);
  bytes.clear();
  framed.clear();
  message.AppendToString(&bytes);
  if (spool_ == nullptr || !frame(bytes, &framed)) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  spool_->append(framed);
}

SpoolCounts Accounts::counts() const {
  SpoolCounts counts = spool_ ? spool_->counts() : SpoolCounts{};
  counts.lost += lost_.load(std::memory_order_relaxed);
  return counts;
}

}  // namespace culvert
