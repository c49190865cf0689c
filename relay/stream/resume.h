// Takes a stream that broke off up again (streams: Recovery). Pure: bytes and time in, moves out.
// Knows no dialect and no socket: the dialect tells it what events mean, flow makes the attempts.
//
// Everything is sent on as soon as its event is whole, but for an event that ends the answer: that
// one is judged first, so that the client sees exactly one end and nothing behind it. An event that
// is cut never reaches the client, so the client always stands between two events.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/error.h"
#include "relay/base/random.h"
#include "relay/base/resume_settings.h"
#include "relay/codec/sse_blocks.h"
#include "relay/stream/resume_dialect.h"
#include "relay/stream/seam.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// What is to be done, in this order: `bytes` go to the client, then `next`. They are valid until
// the next call of the machine.
struct ResumeMove {
  enum class Next : uint8_t {
    kReadOn,
    kAgain,   // drop the attempt; after `pause` make another with Resume::request()
    kFinish,  // the answer is over and whole; the attempt may be dropped
    kFail,    // end it unfinished; `error` says why
  };
  std::string_view bytes;
  Next next = Next::kReadOn;
  Duration pause{};
  bool other_key = false;  // the one that was used is no good for now
  std::optional<Error> error;
  bool stumbled = false;  // the model did, and the upstream's service is not to blame
  bool told = false;  // the upstream's own words for it are in `bytes`: no event of ours is needed
};

// What the log line, the metrics and `X-Culvert-Resumed` tell.
struct ResumeStory {
  uint32_t attempts = 1;
  uint32_t resumed = 0;         // attempts after the first that brought something
  uint64_t removed_points = 0;  // at seams
  std::string_view gave_up;     // one word: why no further attempt was made; empty: it was not so
  std::string last_cut;         // why the last lost attempt was lost
  std::string unknown_end;      // a finish reason that this version does not know
};

class Resume {
 public:
  Resume(std::unique_ptr<ResumeDialect> dialect, const ResumeSettings& settings, Random& random);

  // An event stream with a 2xx begins: the first, or that of the attempt that was asked for.
  void begin(Instant now);
  ResumeMove see(std::string_view bytes, Instant now);
  ResumeMove end(Instant now);                  // the body's framing ended whole
  ResumeMove failed(Error error, Instant now);  // it did not; or no answer came
  // A further attempt was answered by something else than a stream.
  ResumeMove refused(int status, std::optional<Duration> retry_after, bool other_key, Instant now);
  // When deadline() is reached. Nothing to wait for: no deadline.
  ResumeMove tick(Instant now);
  std::optional<Instant> deadline() const;

  // After kAgain, when its pause is over. body: the request as it first went up. An error: it
  // cannot be built after all, and the stream ends with it.
  Result<ResumeRequest> request(std::string_view body);

  // The stream passes as it comes and is judged by the caller, as it would be without this: it has
  // more answers than one, or an event that is too large.
  bool passes_through() const { return state_ == State::kPassing; }
  bool exact() const { return dialect_->exact(); }
  const ResumeStory& story() const { return story_; }
  const AttemptUsage& usage() const { return dialect_->usage(); }

 private:
  enum class State : uint8_t {
    kWaiting,  // for the stream of an attempt
    kReading,
    kClosing,  // the end has been sent
    kPassing,
    kOver,
  };
  struct Held {
    std::string type, data, raw;
    StreamReading reading;
  };

  ResumeMove begin_move();
  ResumeMove end_move(ResumeMove move) const;
  void take_bytes(std::string_view bytes, Instant now, ResumeMove* move);
  void take(const SseBlock& block, Instant now, ResumeMove* move);
  void take_event(const SseEvent& event, std::string_view raw, Instant now, ResumeMove* move);
  void take_end(const SseEvent& event,
                std::string_view raw,
                const StreamReading& reading,
                Instant now,
                ResumeMove* move);
  void take_closing(const SseEvent& event, std::string_view raw, ResumeMove* move);
  void offer(const SseEvent& event,
             std::string_view raw,
             const StreamReading& reading,
             Instant now);
  void open_seam(size_t drop);
  void send(const SseEvent& event, std::string_view raw, const StreamReading& reading, size_t drop);
  void pass_through(std::string_view raw);

  void lose(Error why, Instant now, ResumeMove* move);
  std::string_view why_not_again(Instant now) const;
  void note_progress();
  void again(Duration pause, bool other_key, Instant now, ResumeMove* move);
  void give_up(std::string_view word, Error why, ResumeMove* move);
  void finish(ResumeMove* move);
  Duration pause(std::optional<Duration> retry_after);
  bool visible() const { return !text_.empty() || fixed_; }
  bool is_empty_turn(const StreamReading& reading);

  const std::unique_ptr<ResumeDialect> dialect_;
  const ResumeSettings settings_;
  Random& random_;
  State state_ = State::kWaiting;
  ResumeStory story_;
  // Of the move and the event that are looked at; used again, so that none costs an allocation.
  std::string bytes_;
  StreamReading reading_;

  // What the client has.
  std::string text_;
  bool thoughts_ = false;
  bool fixed_ = false;
  bool opened_ = false;
  bool overfull_ = false;  // the text is longer than is kept

  // The attempt that runs.
  std::optional<SseBlocks> blocks_;
  std::optional<Seam> seam_;
  std::vector<Held> held_;
  Instant held_since_{};
  Instant closing_since_{};
  bool begins_ = false;   // none of its blocks has come
  bool said_ = false;     // something beside thoughts
  bool brought_ = false;  // something reached the client
  bool swallows_thoughts_ = false;
  std::string error_event_;  // the upstream's own, as it came

  // All attempts.
  std::optional<Instant> first_cut_;
  uint32_t losses_ = 0;
  uint32_t empty_turns_ = 0;  // in a row
  bool key_rotated_ = false;
  std::vector<size_t> reached_;  // code points of text after each lost stream
  size_t points_ = 0;
};

}  // namespace culvert
