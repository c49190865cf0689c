// The stream of one request that is taken up again where it breaks off: the pure machine
// (stream/resume) with its timer, and what goes up for it. Stands between the session, which makes
// the attempts and knows no dialect, and the machine, which knows no socket. Owned by the session.
#pragma once

#include "relay/channel/timer.h"
#include "relay/flow/services.h"
#include "relay/stream/resume.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

class Recovery {
 public:
  struct Stream {
    Dialect dialect = Dialect::kOpaque;
    std::string_view path;  // as it goes up, without the query
    std::string_view body;  // the request's
  };
  // nullptr: this stream is not taken up. `due`: due() wants to be asked; runs on the loop.
  static std::unique_ptr<Recovery> of(WorkerServices& services,
                                      const Stream& stream,
                                      const ResumeSettings& settings,
                                      std::function<void()> due);

  // The stream of an attempt, as stream/resume takes it. What each returns is to be done at once.
  void begin();
  ResumeMove see(std::string_view bytes);
  ResumeMove end();
  ResumeMove failed(Error error);
  ResumeMove refused(int status, std::optional<Duration> retry_after, bool other_key);
  ResumeMove due();
  void stop() { timer_.stop(); }  // nothing is due any more

  // A stream is being read; false between attempts. What was read when it broke off counts as one.
  bool streaming() const { return streaming_; }
  void stream_over() { streaming_ = false; }
  // The client takes nothing for now, so nothing can be read: silence is nobody's fault.
  void hold_back();
  void go_on_reading();

  // After kAgain: what goes up next, made from the request's body. Errors: as Resume::request.
  Result<void> ask(std::string_view body);
  bool fetches() const { return asked_.kind == ResumeRequest::Kind::kFetch; }
  bool replaces_body() const { return asked_.kind == ResumeRequest::Kind::kContinuation; }
  bool same_key() const { return asked_.same_key; }  // and the same place
  // Where replaces_body().
  std::string_view body() const { return asked_.body; }
  std::string_view unsent() const { return std::string_view(asked_.body).substr(sent_); }
  void mark_sent() { sent_ = asked_.body.size(); }
  void rewind() { sent_ = 0; }
  // Where fetches(): the path of the request, with its query, becomes that of the answer.
  std::string fetch_path(std::string_view path) const;

  const ResumeStory& story() const { return resume_.story(); }
  bool again() const { return story().attempts > 1; }
  // Of what ran since record_usage() was last called.
  Usage usage() const;
  void record_usage() { recorded_ = resume_.usage().of_lost(); }
  // All attempts read one generation, which the vendor counts once.
  bool one_generation() const { return resume_.exact(); }

 private:
  Recovery(WorkerServices& services,
           std::unique_ptr<ResumeDialect> dialect,
           const ResumeSettings& settings,
           std::function<void()> due);
  void arm();
  Instant silent_until() const;

  const Clock& clock_;
  const Duration idle_;
  Resume resume_;
  ResumeRequest asked_;
  size_t sent_ = 0;
  bool streaming_ = false;
  bool held_back_ = false;
  bool whole_ = false;  // all has passed but the end of the framing
  Instant last_byte_{};
  Usage recorded_;  // of attempts that were lost
  Timer timer_;
};

}  // namespace culvert
