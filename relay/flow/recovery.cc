// One timer for all that may become due; see recovery.h.
#include "relay/flow/recovery.h"

#include "relay/base/limits.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

using Next = ResumeMove::Next;

ResumeMove finished() {
  ResumeMove move;
  move.next = Next::kFinish;
  return move;
}

// of + lost - recorded; lost is never less than what was recorded of it.
std::optional<uint64_t> unrecorded(std::optional<uint64_t> of,
                                   std::optional<uint64_t> lost,
                                   std::optional<uint64_t> recorded) {
  if (!of && lost == recorded) return std::nullopt;
  return of.value_or(0) + lost.value_or(0) - recorded.value_or(0);
}

}  // namespace

std::unique_ptr<Recovery> Recovery::of(WorkerServices& services,
                                       const Stream& stream,
                                       const ResumeSettings& settings,
                                       std::function<void()> due) {
  if (!settings.on) return nullptr;
  auto dialect = resume_dialect(stream.dialect, stream.path, stream.body, settings.continuation);
  if (dialect == nullptr) return nullptr;
  return std::unique_ptr<Recovery>(
      new Recovery(services, std::move(dialect), settings, std::move(due)));
}

Recovery::Recovery(WorkerServices& services,
                   std::unique_ptr<ResumeDialect> dialect,
                   const ResumeSettings& settings,
                   std::function<void()> due)
    : clock_(services.clock),
      idle_(settings.idle),
      resume_(std::move(dialect), settings, services.random),
      timer_(services.loop, std::move(due)) {}

void Recovery::begin() {
  // What asked for it is not needed again: the next attempt is asked for anew.
  if (unsent().empty()) {
    std::string().swap(asked_.body);
    sent_ = 0;
  }
  streaming_ = true;
  held_back_ = whole_ = false;
  last_byte_ = clock_.now();
  resume_.begin(last_byte_);
  arm();
}

// The end of the framing is waited for a moment, so that the connection can be used again.
ResumeMove Recovery::see(std::string_view bytes) {
  last_byte_ = clock_.now();
  if (whole_) return {};
  ResumeMove move = resume_.see(bytes, last_byte_);
  if (move.next == Next::kFinish) {
    whole_ = true;
    move.next = Next::kReadOn;
  }
  arm();
  return move;
}

ResumeMove Recovery::end() {
  timer_.stop();
  if (whole_) return finished();
  return resume_.end(clock_.now());
}

ResumeMove Recovery::failed(Error error) {
  timer_.stop();
  if (whole_) return finished();
  return resume_.failed(std::move(error), clock_.now());
}

ResumeMove Recovery::refused(int status, std::optional<Duration> retry_after, bool other_key) {
  return resume_.refused(status, retry_after, other_key, clock_.now());
}

ResumeMove Recovery::due() {
  const Instant now = clock_.now();
  if (!streaming_) return {};
  if (whole_) return finished();
  if (const auto deadline = resume_.deadline(); deadline && now >= *deadline) {
    ResumeMove move = resume_.tick(now);
    arm();
    return move;
  }
  if (!held_back_ && !resume_.passes_through() && now >= silent_until()) {
    return failed(
        Error::upstream(Code::kIdleTimeout, Stage::kBody, Retry::kNever, "the stream stood still"));
  }
  arm();
  return {};
}

Instant Recovery::silent_until() const { return last_byte_ + idle_; }

void Recovery::arm() {
  std::optional<Instant> when = resume_.deadline();
  if (whole_) {
    when = last_byte_ + limits::kResumeTail;
  } else if (!held_back_ && !resume_.passes_through()) {
    when = std::min(when.value_or(silent_until()), silent_until());
  }
  when ? timer_.start(*when - clock_.now()) : timer_.stop();
}

void Recovery::hold_back() {
  held_back_ = true;
  if (streaming_) arm();
}

void Recovery::go_on_reading() {
  held_back_ = false;
  last_byte_ = clock_.now();
  if (streaming_) arm();
}

Result<void> Recovery::ask(std::string_view body) {
  asked_ = CULVERT_TRY(resume_.request(body));
  sent_ = 0;
  return {};
}

std::string Recovery::fetch_path(std::string_view path) const {
  return std::string(path.substr(0, path.find('?'))) + asked_.path;
}

Usage Recovery::usage() const {
  const Usage of = resume_.usage().of_attempt();
  const Usage lost = resume_.usage().of_lost();
  return {.input = unrecorded(of.input, lost.input, recorded_.input),
          .output = unrecorded(of.output, lost.output, recorded_.output),
          .cached = unrecorded(of.cached, lost.cached, recorded_.cached),
          .reasoning = unrecorded(of.reasoning, lost.reasoning, recorded_.reasoning)};
}

}  // namespace culvert
