// The machine in the order of a stream's life: its events, its end, and what follows a cut.
#include "relay/stream/resume.h"

#include "relay/base/limits.h"
#include "relay/codec/utf8.h"
#include "relay/stream/language.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

using Next = ResumeMove::Next;
using End = StreamReading::End;

constexpr size_t kHeldMost = 1024;  // events that wait for a seam

Error cut_off(std::string_view why) {
  return Error::upstream(Code::kUpstreamClosed, Stage::kBody, Retry::kNever, std::string(why));
}

std::string words_of(const Error& why) {
  return why.detail.empty() ? std::string(to_string(why.code)) : why.detail;
}

// Whether a text may well end there: behind a letter, a digit or a comma it does not.
bool ends_like_an_end(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  if (text.empty()) return false;
  const uint32_t last = first_point(last_points(text, 1)).value;
  constexpr std::string_view kEnds = ".!?)]}\"'`*|";
  if (last < 0x80) return kEnds.find(static_cast<char>(last)) != std::string_view::npos;
  for (const uint32_t end : {0x3002U, 0xFF01U, 0xFF1FU, 0x2026U, 0x201DU, 0x2019U, 0xFF09U, 0x300DU,
                             0x300FU, 0x61FU, 0x6D4U, 0xBBU}) {
    if (last == end) return true;
  }
  return last == 0xFE0F || last >= 0x1F000;  // emoji
}

}  // namespace

Resume::Resume(std::unique_ptr<ResumeDialect> dialect,
               const ResumeSettings& settings,
               Random& random)
    : dialect_(std::move(dialect)), settings_(settings), random_(random) {}

// --- 1. A stream begins, and its blocks come

void Resume::begin(Instant) {
  if (state_ == State::kOver) return;
  blocks_.emplace(settings_.event_bytes);
  seam_.reset();
  held_.clear();
  error_event_.clear();
  said_ = brought_ = false;
  begins_ = true;
  swallows_thoughts_ = thoughts_ || visible();
  if (!text_.empty() && !dialect_->exact()) {
    seam_.emplace(text_, settings_.seam, dialect_->blanks(text_));
  }
  dialect_->begin_attempt();
  state_ = State::kReading;
}

ResumeMove Resume::begin_move() {
  reuse(&bytes_);
  return {};
}

ResumeMove Resume::end_move(ResumeMove move) const {
  move.bytes = bytes_;
  return move;
}

ResumeMove Resume::see(std::string_view bytes, Instant now) {
  ResumeMove move = begin_move();
  if (state_ == State::kPassing) {
    move.bytes = bytes;
    return move;
  }
  if (state_ == State::kReading || state_ == State::kClosing) take_bytes(bytes, now, &move);
  return end_move(std::move(move));
}

void Resume::take_bytes(std::string_view bytes, Instant now, ResumeMove* move) {
  bytes_.reserve(bytes.size());
  while (const auto block = blocks_->next(&bytes)) {
    take(*block, now, move);
    if (move->next != Next::kReadOn) return;
    if (state_ == State::kPassing) {
      bytes_ += bytes;
      return;
    }
  }
  if (blocks_->overflowed() && state_ == State::kReading) {
    pass_through(blocks_->unfinished());
  }
}

void Resume::take(const SseBlock& block, Instant now, ResumeMove* move) {
  // Where a stream begins, it is skipped; in the middle of what the client reads it is not.
  const bool begins = std::exchange(begins_, false) && story_.attempts > 1;
  const std::string_view raw = begins ? without_byte_order_mark(block.raw) : block.raw;
  if (block.event) return take_event(*block.event, raw, now, move);
  if (blocks_->overflowed() && state_ == State::kReading) return pass_through(raw);
  bytes_ += raw;  // comments are alive
}

void Resume::take_event(const SseEvent& event,
                        std::string_view raw,
                        Instant now,
                        ResumeMove* move) {
  if (state_ == State::kClosing) return take_closing(event, raw, move);
  dialect_->read(event, &reading_);
  const StreamReading& reading = reading_;
  if (reading.several) {
    if (story_.attempts == 1) return pass_through(raw);
    return give_up("several", cut_off("the continuation had several answers"), move);
  }
  if (reading.end != End::kNone) return take_end(event, raw, reading, now, move);
  said_ = said_ || !reading.text.empty() || reading.fixed;
  offer(event, raw, reading, now);
}

// --- 2. The end is judged before it is sent

void Resume::take_end(const SseEvent& event,
                      std::string_view raw,
                      const StreamReading& reading,
                      Instant now,
                      ResumeMove* move) {
  said_ = said_ || !reading.text.empty() || reading.fixed;
  if (reading.unknown_end) story_.unknown_end = reading.why;
  switch (reading.end) {
    case End::kError:
      error_event_ = raw;
      return lose(cut_off("the upstream said in the stream: " + reading.why), now, move);
    case End::kGarbled:
      return lose(cut_off("an event of the stream is garbled"), now, move);
    case End::kRefusal:
      if (seam_) open_seam(seam_->decide());
      bytes_ += raw;
      move->told = true;
      return give_up("refused", cut_off("the upstream said in the stream: " + reading.why), move);
    case End::kAccident:
      if (!visible() && reading.text.empty() && !reading.fixed) {
        move->stumbled = true;
        return lose(cut_off("the model stumbled: " + reading.why), now, move);
      }
      break;
    case End::kStop:
      if (!is_empty_turn(reading)) break;
      move->stumbled = true;
      return lose(cut_off("the model said nothing"), now, move);
    case End::kFinal:
    case End::kNone:
      break;
  }
  if (reading.text.empty() && seam_) open_seam(seam_->decide());
  offer(event, raw, reading, now);
  if (seam_) open_seam(seam_->decide());
  if (reading.last) return finish(move);
  state_ = State::kClosing;
  closing_since_ = now;
}

// A model that is asked to go on and says nothing, twice, behind what looks like an end, has told
// that only its end was lost.
bool Resume::is_empty_turn(const StreamReading& reading) {
  if (said_ || (dialect_->exact() && story_.attempts > 1)) return false;
  if (!reading.text.empty() || reading.fixed) return false;
  ++empty_turns_;
  return text_.empty() || empty_turns_ < 2 || !ends_like_an_end(text_);
}

// One answer, one end: behind it passes what the dialect has there, and nothing else.
void Resume::take_closing(const SseEvent& event, std::string_view raw, ResumeMove* move) {
  dialect_->read(event, &reading_);
  if (!reading_.closing) return;
  send(event, raw, reading_, 0);
  if (reading_.last) finish(move);
}

// --- 3. What is not an end goes on at once; behind a cut, as soon as the seam is known

void Resume::offer(const SseEvent& event,
                   std::string_view raw,
                   const StreamReading& reading,
                   Instant now) {
  if (!seam_) return send(event, raw, reading, 0);
  if (reading.text.empty()) {
    if (reading.fixed || held_.size() >= kHeldMost) open_seam(seam_->decide());
    if (held_.empty()) return send(event, raw, reading, 0);
    // Nothing overtakes the text that is held: it may be the end of that text's block.
    held_.push_back({std::string(event.type), std::string(event.data), std::string(raw), reading});
    return;
  }
  const bool repeated = seam_->repeats();
  if (held_.empty()) held_since_ = now;
  held_.push_back({std::string(event.type), std::string(event.data), std::string(raw), reading});
  const auto drop = seam_->feed(reading.text);
  // While it repeats what the client has, it is waited for from piece to piece.
  if (seam_->repeats() || repeated) held_since_ = now;
  if (drop || reading.fixed) open_seam(drop.value_or(seam_->decide()));
}

void Resume::open_seam(size_t drop) {
  seam_.reset();
  for (const Held& held : std::exchange(held_, {})) {
    const size_t of_it = std::min(drop, held.reading.text.size());
    drop -= of_it;
    story_.removed_points += count_points(std::string_view(held.reading.text).substr(0, of_it));
    send({held.type, held.data, {}, {}}, held.raw, held.reading, of_it);
  }
}

void Resume::send(const SseEvent& event,
                  std::string_view raw,
                  const StreamReading& reading,
                  size_t drop) {
  const bool later = story_.attempts > 1;
  if (later && reading.opening && opened_ && !dialect_->exact()) return;
  StreamWriting writing;
  if (later) writing = dialect_->write(event, reading, {drop, !swallows_thoughts_});
  if (writing.how == StreamWriting::How::kNot) return;
  if (later && !std::exchange(brought_, true)) ++story_.resumed;
  if (writing.how == StreamWriting::How::kAs) {
    bytes_ += sse_text(event.type, writing.data, line_end_of(raw));
  } else {
    bytes_ += raw;
  }
  dialect_->delivered(event, reading, text_.size(), drop);
  opened_ = true;
  fixed_ = fixed_ || reading.fixed;
  thoughts_ = thoughts_ || (reading.thought && !swallows_thoughts_);
  const std::string_view text = std::string_view(reading.text).substr(drop);
  points_ += count_points(text);
  if (!text.empty()) empty_turns_ = 0;
  overfull_ = overfull_ || text_.size() + text.size() > settings_.text_bytes;
  if (!overfull_) text_ += text;
}

void Resume::pass_through(std::string_view raw) {
  if (seam_) open_seam(seam_->decide());
  bytes_ += raw;
  state_ = State::kPassing;
}

// --- 4. The stream ends, or breaks off

ResumeMove Resume::end(Instant now) {
  ResumeMove move = begin_move();
  if (state_ == State::kClosing || state_ == State::kPassing) {
    finish(&move);
  } else if (state_ == State::kReading) {
    lose(cut_off("the stream ended without its end marker"), now, &move);
  }
  return end_move(std::move(move));
}

ResumeMove Resume::failed(Error error, Instant now) {
  ResumeMove move = begin_move();
  if (state_ == State::kClosing) {
    finish(&move);
  } else if (state_ == State::kPassing) {
    give_up("passing", std::move(error), &move);
  } else if (state_ != State::kOver) {
    lose(std::move(error), now, &move);
  }
  return end_move(std::move(move));
}

void Resume::finish(ResumeMove* move) {
  if (state_ == State::kClosing) bytes_ += dialect_->closing();
  move->next = Next::kFinish;
  state_ = State::kOver;
}

ResumeMove Resume::tick(Instant now) {
  ResumeMove move = begin_move();
  const auto due = deadline();
  if (!due || now < *due) return end_move(std::move(move));
  if (state_ == State::kClosing) {
    finish(&move);
  } else {
    open_seam(seam_->decide());
  }
  return end_move(std::move(move));
}

std::optional<Instant> Resume::deadline() const {
  if (state_ == State::kClosing) return closing_since_ + limits::kResumeTail;
  if (state_ == State::kReading && !held_.empty()) return held_since_ + settings_.seam_wait;
  return std::nullopt;
}

// --- 5. Behind a cut: another attempt, or an error that the client sees

// What the seam still held is not lost: the client has not seen it, and it comes again.
void Resume::lose(Error why, Instant now, ResumeMove* move) {
  const bool streamed = state_ == State::kReading;
  state_ = State::kWaiting;
  held_.clear();
  seam_.reset();
  story_.last_cut = words_of(why);
  if (streamed) {
    dialect_->lose_attempt();
    note_progress();
  }
  if (!first_cut_) first_cut_ = now;
  if (const auto word = why_not_again(now); !word.empty()) {
    return give_up(word, std::move(why), move);
  }
  again(pause(std::nullopt), false, now, move);
}

std::string_view Resume::why_not_again(Instant now) const {
  if (!settings_.on) return "off";
  if (!dialect_->why_never().empty()) return "never";
  if (!dialect_->exact()) {
    if (fixed_) return "fixed";
    if (overfull_) return "too_long";
    if (!text_.empty() && !dialect_->why_not_continued().empty()) return "not_continued";
  }
  if (story_.attempts >= settings_.attempts) return "attempts";
  if (now - *first_cut_ >= settings_.within) return "time";
  const size_t streams = reached_.size();
  if (!text_.empty() && streams > limits::kResumeStalled) {
    const size_t brought = reached_.back() - reached_[streams - 1 - limits::kResumeStalled];
    if (brought < limits::kResumeProgress) return "no_progress";
  }
  return {};
}

// By how much the text grew is how its end is told from before: the same length, the same end.
void Resume::note_progress() { reached_.push_back(points_); }

void Resume::again(Duration pause, bool other_key, Instant now, ResumeMove* move) {
  if (first_cut_ && now + pause - *first_cut_ > settings_.within) {
    return give_up("time", cut_off(story_.last_cut), move);
  }
  ++story_.attempts;
  move->next = Next::kAgain;
  move->pause = pause;
  move->other_key = other_key;
}

// Where further attempts were made, or could have been, the client learns how it went; where the
// stream was not to be taken up at all, it gets the failure itself.
void Resume::give_up(std::string_view word, Error why, ResumeMove* move) {
  state_ = State::kOver;
  story_.gave_up = word;
  story_.last_cut = words_of(why);
  move->next = Next::kFail;
  if (!move->told && !error_event_.empty() && story_.attempts == 1) {
    bytes_ += error_event_;
    move->told = true;
  }
  if (word == "attempts" || word == "time" || word == "no_progress") why.code = Code::kTotalTimeout;
  if (story_.attempts > 1 && !move->told) {
    why.detail = "the stream broke off; " + std::to_string(story_.attempts) +
                 " attempts were made, the last failed: " + story_.last_cut;
  }
  why.retry = Retry::kNever;
  move->error = std::move(why);
}

Duration Resume::pause(std::optional<Duration> retry_after) {
  const uint32_t doublings = std::min(losses_++, 16U);
  const Duration full = std::min(settings_.backoff * (int64_t{2} << doublings),
                                 std::max(settings_.backoff, settings_.backoff_most));
  const auto half = static_cast<uint64_t>(full.count() / 2);
  const Duration drawn(static_cast<int64_t>(half + random_.below(half + 1)));
  return retry_after ? std::max(drawn, *retry_after) : drawn;
}

ResumeMove Resume::refused(int status,
                           std::optional<Duration> retry_after,
                           bool other_key,
                           Instant now) {
  ResumeMove move = begin_move();
  if (state_ != State::kWaiting) return end_move(std::move(move));
  if (!first_cut_) first_cut_ = now;
  story_.last_cut = "answered with status " + std::to_string(status);
  const Error why = cut_off(story_.last_cut);
  const bool key = status == 401 || status == 403;
  const bool later = status == 408 || status == 429 || status >= 500;
  if (!later && !(key && other_key && !key_rotated_)) {
    give_up("refused", why, &move);
    return end_move(std::move(move));
  }
  if (const auto word = why_not_again(now); !word.empty()) {
    give_up(word, why, &move);
    return end_move(std::move(move));
  }
  key_rotated_ = key_rotated_ || key;
  const bool rotates = other_key && (key || status == 429);
  again(rotates ? pause(std::nullopt) : pause(retry_after), rotates, now, &move);
  return end_move(std::move(move));
}

Result<ResumeRequest> Resume::request(std::string_view body) {
  ResumeState state;
  state.text = text_;
  const Language language = language_of(text_);
  const auto own = settings_.prompts.find(std::string(to_string(language)));
  state.prompt = own != settings_.prompts.end() ? std::string_view(own->second)
                                                : continuation_prompt(language);
  return dialect_->next(body, state);
}

}  // namespace culvert
