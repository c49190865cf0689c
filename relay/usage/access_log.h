// The access log: one JSON object per request and line on standard output. Lines gather in memory
// and a thread of their own writes them, many at once: a wake-up and a write(2) for each line were
// several system calls more for each request. When the reader is too slow the oldest lines go, are
// counted, and no request waits.
#pragma once

#include "relay/base/json_writer.h"
#include "relay/usage/record.h"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace culvert {

class AccessLog {
 public:
  static constexpr size_t kQueued = 8 * 1024 * 1024;  // bytes at most: about 16,000 lines

  // fd: where lines go; the caller's, and open for as long as this lives.
  explicit AccessLog(int fd);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();  // writes out what is queued

  void add(std::string_view line);  // without its newline; any thread
  uint64_t lost() const;            // lines, since the start

 private:
  void run();
  void write_all(std::string_view lines);
  void drop_oldest();

  const int fd_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::string queued_;
  uint64_t lost_ = 0;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all the others
};

// Of one thread: writes records into the log, in memory that it keeps.
class AccessLogWriter {
 public:
  AccessLogWriter(AccessLog& log) : log_(log) {}  // NOLINT(google-explicit-constructor)
  void write(const RequestRecord& record);

 private:
  AccessLog& log_;
  JsonWriter line_;
};

void write_json(const RequestRecord& record, JsonWriter* json);

}  // namespace culvert
