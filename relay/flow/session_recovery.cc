// Answers that come to nothing, and streams that break off and are taken up again: what the
// machine's moves mean for attempts, keys and places; see session.h, held_answer.h and recovery.h.
#include "relay/base/log.h"
#include "relay/flow/session.h"
#include "relay/keys/retry_hints.h"

#include <utility>

namespace culvert {

ResumeSettings Session::resume_settings() const {
  const Upstream* upstream = heading().upstream;
  if (upstream == nullptr) return {};
  const Route* route = asked_.route;
  return route == nullptr ? upstream->resume : merged(upstream->resume, route->resume);
}

std::string_view Session::path_up() const {
  const std::string_view path = heading().path;
  return path.substr(0, path.find('?'));
}

// --- An answer that is judged before the client gets it

bool Session::hold_answer(const ResponseHead& head) {
  if (recovery_ || request_.method != "POST") return false;
  if (!HeldAnswer::judges(dialect(), path_up(), head)) return false;
  const ResumeSettings settings = resume_settings();
  if (!settings.on) return false;
  held_ = std::make_unique<HeldAnswer>(services_.replay, head, settings.event_bytes);
  asks_anew_ = true;
  return true;
}

void Session::keep_answer(std::string_view bytes) {
  if (!held_->keep(bytes)) pass_answer();
}

void Session::judge_answer() {
  const std::string_view why = held_->why_incomplete();
  if (why.empty()) {
    pass_answer();
    return finished_ ? void() : end_answer();
  }
  Carry carry(dialect(), held_->head(), bill_.kept());
  carry.see(held_->body());
  record_lost(held_->head().status, carry.usage(), carry);
  held_.reset();
  give_up_or_go_on(
      Error::upstream(Code::kUpstreamClosed, Stage::kBody, Retry::kNever, std::string(why)));
}

void Session::pass_answer() {
  const auto held = std::move(held_);
  judge(answer_of(held->head(), false));
  accept_answer(held->head());
  carry_body(held->body());
}

// --- A stream

// At the head of the answer that is the client's.
void Session::begin_recovery(const ResponseHead& head) {
  if (request_.method != "POST" || !is_event_stream_of(dialect(), head)) return;
  const bool kept = body_.whole() && body_.replayable();
  const std::string_view body = kept ? body_.all() : std::string_view();
  recovery_ =
      Recovery::of(services_, {.dialect = dialect(), .path = path_up(), .body = body},
                   resume_settings(), [this] { or_fail([this] { follow(recovery_->due()); }); });
  request_not_kept_ = recovery_ != nullptr && !kept;
  if (request_not_kept_) recovery_.reset();
  if (recovery_ != nullptr) recovery_->begin();
}

// The head of a further attempt's answer, which is no better anywhere else.
void Session::take_up(const ResponseHead& head) {
  if (!is_event_stream_of(dialect(), head)) {
    return follow(recovery_->refused(
        head.status, retry_wait(head.headers, {}, services_.clock.wall()), key_->another()));
  }
  recovery_->begin();
  if (!answer_.waits_for_client()) return;
  recovery_->hold_back();
  attempt_->pause();
}

void Session::follow(ResumeMove move) {
  if (finished_) return;
  if (recovery_->again()) bill_.tell(recovery_->usage());
  if (!move.bytes.empty()) send_down(move.bytes);
  if (finished_ || move.next == ResumeMove::Next::kReadOn) return;
  if (move.next == ResumeMove::Next::kFinish) return end_answer();
  const bool again = move.next == ResumeMove::Next::kAgain;
  if (again && !client_.has_reader()) move.next = ResumeMove::Next::kFail;
  lose_attempt(move);
  if (move.next == ResumeMove::Next::kAgain) return ask_again(move);
  if (again) return break_off_unread();
  if (move.told) answer_.error_was_told();
  fail(*std::move(move.error));
}

void Session::lose_attempt(const ResumeMove& move) {
  if (recovery_->streaming()) {
    recovery_->stream_over();
    if (!move.stumbled) course_->broke_off();
    const bool again = move.next == ResumeMove::Next::kAgain;
    if (again && !recovery_->one_generation()) {
      record_lost(record_.status, recovery_->usage(), *answer_.carry());
      answer_.attempt_lost();
      recovery_->record_usage();
    }
    bill_.tell(recovery_->usage());
  }
  note_legs();
  stop_attempt();
}

// What an attempt has used is its own key's and upstream's.
void Session::record_lost(int status, const Usage& told, const Carry& carry) {
  RequestRecord lost = record_;
  lost.id = random_id(services_.random);
  lost.status = status;
  lost.total_ms = since_start_ms();
  bill_.lose_attempt(told, carry, &lost);
  services_.metrics.upstream(metric_label()).count_tokens(lost);
  key_->count_tokens(lost.tokens_in.value_or(0) + lost.tokens_out.value_or(0));
}

void Session::ask_again(const ResumeMove& move) {
  if (auto asked = recovery_->ask(body_.all()); !asked) return fail(std::move(asked).error());
  services_.metrics.upstream(metric_label()).resumes();
  log::debug("a stream is taken up again", {{"id", record_.id},
                                            {"upstream", record_.upstream},
                                            {"attempt", record_.attempts},
                                            {"why", recovery_->story().last_cut}});
  rewind();
  if (move.other_key) {
    key_->set_aside();
  } else if (!recovery_->same_key()) {
    key_->release();
  }
  slot_.reset();
  pause_timer_.start(move.pause);
}

// After the pause: where the next attempt of this stream goes.
void Session::enter_again() {
  course_->begin_again(recovery_->same_key());
  enter_step();
}

// So that all of what goes up goes up from its beginning.
void Session::rewind() {
  rewriter_.reset();
  body_.rewind();
  if (!recovery_ || (!recovery_->replaces_body() && !recovery_->fetches())) return;
  body_.mark_sent();
  recovery_->rewind();
}

std::string_view Session::unsent() const {
  return recovery_ && recovery_->replaces_body() ? recovery_->unsent() : body_.unsent();
}

void Session::mark_sent() {
  recovery_ && recovery_->replaces_body() ? recovery_->mark_sent() : body_.mark_sent();
}

// By how many bytes what goes up is longer than what came, without a change of the model.
int64_t Session::growth() const {
  if (!recovery_ || !recovery_->replaces_body()) return 0;
  return static_cast<int64_t>(recovery_->body().size()) -
         static_cast<int64_t>(request_.content_length);
}

AttemptPlan Session::plan_attempt(int64_t growth) const {
  const Url& target = course_->target().url;
  if (!recovery_ || !recovery_->fetches()) {
    return plan_of({asked_, heading(), target, key_->secret(), growth, ws_key_});
  }
  RequestHead request = request_;
  request.method = "GET";
  request.framing = BodyFraming::kNone;
  request.content_length = 0;
  Heading heading = this->heading();
  heading.path = recovery_->fetch_path(heading.path);
  return plan_of({Asked{*table_, request, where_, asked_.route}, heading, target, key_->secret()});
}

void Session::note_recovery() {
  if (request_not_kept_ && record_.outcome == Outcome::kTruncated) {
    record_.gave_up = "request_not_kept";
  }
  if (!recovery_) return;
  const ResumeStory& story = recovery_->story();
  record_.resumed = static_cast<int>(story.resumed);
  record_.seam_removed = story.removed_points;
  record_.gave_up = story.gave_up;
  record_.last_cut = story.last_cut;
  record_.unknown_finish = story.unknown_end;
}

// How often it was taken up is told where the client can see it behind a stream.
Headers Session::trailers() const {
  Headers out;
  if (recovery_ && recovery_->story().resumed > 0) {
    out.add("X-Culvert-Resumed", std::to_string(recovery_->story().resumed));
  }
  return out;
}

}  // namespace culvert
