// A request's body on its way up. What was sent stays until the answer is accepted, so that another
// key can be tried, as long as it is small enough for its own bound and the process's.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

namespace culvert {

// Bytes kept for repeating, of all requests of the process. Shared by all workers.
class ReplayBudget {
 public:
  explicit ReplayBudget(size_t most) : most_(most) {}
  bool take(size_t bytes);
  void give(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const size_t most_;
  std::atomic<size_t> used_{0};
};

class RequestBody {
 public:
  RequestBody(ReplayBudget& budget, size_t most);
  RequestBody(const RequestBody&) = delete;
  RequestBody& operator=(const RequestBody&) = delete;
  ~RequestBody();

  void append(std::string_view bytes);
  void passed_by() { gone_ = true; }  // bytes went up without append(); only while !replayable()
  void end() { ended_ = true; }

  std::string_view unsent() const { return std::string_view(bytes_).substr(sent_); }
  void mark_sent();  // all of unsent()
  bool whole() const { return ended_; }

  // All that came so far is still here, so the body can be sent from its beginning.
  bool replayable() const { return replayable_; }
  // Nothing that came is gone: what cannot be sent again has not been sent yet.
  bool intact() const { return !gone_; }
  void rewind() { sent_ = 0; }                     // only while intact()
  void stop_replay();                              // frees what was sent, now and from now on
  std::string_view all() const { return bytes_; }  // only while replayable()

 private:
  ReplayBudget& budget_;
  const size_t most_;
  std::string bytes_;
  size_t sent_ = 0;
  size_t reserved_ = 0;
  bool replayable_ = true;
  bool gone_ = false;
  bool ended_ = false;
};

}  // namespace culvert
