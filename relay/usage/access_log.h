// The access log: one JSON object per request and line on standard output. Lines are written by a
// thread of their own through a bounded queue; when the reader is too slow the oldest lines go, are
// counted, and no request waits.
#pragma once

#include "relay/usage/record.h"

#include <cstdint>
#include <memory>

namespace culvert {

class AccessLog {
 public:
  AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();  // writes out what is queued

  void write(const RequestRecord& record);  // any thread
  uint64_t lost() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string to_json(const RequestRecord& record);

}  // namespace culvert
