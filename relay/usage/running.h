// What runs, in a file that outlives the process: one slot for each request on its way, written in
// place through shared memory (no system call, no allocation), so that requests which died with a
// relay still reach the ledger. Shared by all workers; a slot belongs to one request.
#pragma once

#include "relay/base/result.h"
#include "relay/channel/fd.h"
#include "relay/usage/record.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace culvert {

struct RunningSlot;

class Running {
 public:
  // The file's disk is taken at once, because a full disk under shared memory is a signal.
  static Result<Running> open(const std::string& path, size_t slots);
  Running(Running&& other) noexcept;
  Running& operator=(Running&&) = delete;
  ~Running();

  // What a process before this one left, each with the class that fits its end. Once.
  std::vector<RequestRecord> take_left();
  // Forgets it. From here on slots are given.
  void begin();

  // nullptr where all are taken: such a request is lost if the process dies.
  RunningSlot* take(const RequestRecord& record);
  void give_back(RunningSlot* slot);

  // Names, key and status of a request, which change seldom.
  static void write_names(RunningSlot* slot, const RequestRecord& record);
  // Tokens, bytes and times, which change with each event. `record.usage`: what the request is if
  // it ends now.
  static void write_counts(RunningSlot* slot, const RequestRecord& record);

 private:
  Running(Fd file, RunningSlot* slots, size_t size, size_t wanted);

  Fd file_;
  RunningSlot* slots_ = nullptr;
  size_t size_ = 0;    // of the mapping
  size_t wanted_ = 0;  // for this process
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
  std::vector<uint32_t> free_;  // the last given back is the next taken: its page is warm
};

}  // namespace culvert
