// What a request costs, from its first attempt until it is on disk: the session's side of the
// ledger. Shared by all workers. Exactly one record for each request that an upstream may have
// seen, also where the process is killed in the middle of it.
#pragma once

#include "relay/base/clock.h"
#include "relay/usage/running.h"
#include "relay/usage/spool.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace culvert {

// A request's slot among those that run; freed with it.
class RunningRequest {
 public:
  RunningRequest() = default;
  RunningRequest(Running& running, const RequestRecord& record)
      : running_(&running), slot_(running.take(record)) {}
  RunningRequest(RunningRequest&& other) noexcept
      : running_(other.running_), slot_(std::exchange(other.slot_, nullptr)) {}
  RunningRequest& operator=(RunningRequest&& other) noexcept {
    end();
    running_ = other.running_;
    slot_ = std::exchange(other.slot_, nullptr);
    return *this;
  }
  ~RunningRequest() { end(); }

  void note_names(const RequestRecord& record) {
    if (slot_ != nullptr) Running::write_names(slot_, record);
  }
  void note_counts(const RequestRecord& record) {
    if (slot_ != nullptr) Running::write_counts(slot_, record);
  }
  void end() {
    if (slot_ != nullptr) running_->give_back(std::exchange(slot_, nullptr));
  }

 private:
  Running* running_ = nullptr;
  RunningSlot* slot_ = nullptr;
};

class Accounts {
 public:
  struct Options {
    std::string folder;
    uint64_t spool_bytes = 0;
    size_t running = 0;  // requests at once that survive a kill
  };

  // What the last process left running is on disk when it returns. Where the folder cannot be
  // used, that is said in the log, and all records are counted as lost: traffic goes on.
  Accounts(const Options& options, const Clock& clock);
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  // Before the upstream can see the request.
  RunningRequest begin(const RequestRecord& record);
  // On disk when it returns, or counted as lost. Any thread; once for each request.
  void append(const RequestRecord& record);

  SpoolCounts counts() const;
  UsageSource* source() { return spool_.get(); }  // nullptr: there is no spool

 private:
  void recover();

  std::unique_ptr<Spool> spool_;
  std::optional<Running> running_;
  std::atomic<uint64_t> lost_{0};  // where there is no spool
};

}  // namespace culvert
