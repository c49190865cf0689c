// The second half of a request: what its attempts come to, the answer, and the end; see session.h.
#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/codec/error_body.h"
#include "relay/flow/plan.h"
#include "relay/flow/session.h"
#include "relay/gate/downstream_headers.h"
#include "relay/keys/retry_hints.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace culvert {
namespace {

int64_t whole_seconds(Duration wait) {
  return std::chrono::ceil<std::chrono::seconds>(wait).count();
}

}  // namespace

// --- 5. The answer's head: is it the client's, or does somebody else do better?

// RFC 9110 §15.2: a proxy forwards them.
void Session::on_interim(const ResponseHead& head) {
  or_fail([&] {
    client_.send_interim(head.status, downstream_headers(head.headers, heading().generic(), {}));
  });
}

void Session::on_head(const ResponseHead& head) {
  or_fail([&] {
    if (head.status == 101) return switch_protocols(head);
    if (key_->judge(head) == PayingKey::Verdict::kReadRefusal) return;
    if (hold_answer(head)) return;
    if (const auto decision = judge(answer_of(head, false)); decision.next != Next::kDone) {
      return go_on(decision);
    }
    recovery_ ? take_up(head) : accept_answer(head);
  });
}

Ending Session::answer_of(const ResponseHead& head, bool key_refused) const {
  std::optional<Duration> wait;
  if (head.status >= 400) wait = retry_wait(head.headers, {}, services_.clock.wall());
  Ending ending = Ending::answer(head.status, wait, key_refused);
  const auto again = head.headers.find("x-should-retry");
  ending.not_again = again && *again == "false";
  return ending;
}

// The answer is about the key, or it is the client's after all.
void Session::conclude_refusal(bool whole) {
  const bool refused = key_->conclude() == PayingKey::Verdict::kRefused;
  const ResponseHead& head = key_->kept_head();
  const Decision decision = judge(answer_of(head, refused));
  if (decision.next != Next::kDone) return go_on(decision);
  if (recovery_) return take_up(key_->take_kept()->head);
  if (refused && !key_->worth_telling()) return no_key_left(decision);
  const auto kept = key_->take_kept();
  accept_answer(kept->head);
  carry_body(kept->body);
  if (whole && !finished_) end_answer();
}

// What the vendor said to the relay's key is not the client's to read; the pool knows when to come
// again.
void Session::no_key_left(const Decision& decision) {
  key_->set_aside();
  Error error = Error::ours(Code::kKeysUnavailable, Stage::kLimit,
                            "several keys were refused one after the other");
  if (decision.retry_after) error.retry_after = whole_seconds(*decision.retry_after);
  if (auto chosen = next_key(); !chosen) error = std::move(chosen).error();
  fail(std::move(error));
}

void Session::accept_answer(const ResponseHead& head) {
  if (answer_.head_sent() && !is_event_stream_of(dialect(), head)) {
    late_ = std::make_unique<LateAnswer>(head.status);
    return;
  }
  begin_recovery(head);
  if (!recovery_) body_.stop_replay();  // nothing is sent again from here on
  AnswerHead down = answer_head(head, heading().generic(), record_.id);
  if (recovery_) {
    down.body = AnswerHead::Body::kUnknown;  // what is taken up has another length
    down.trailer = "X-Culvert-Resumed";
  }
  if (heading().credentials.authenticated) {
    down.headers.add("X-Culvert-Strategy", record_.strategy);
  }
  const bool may_be_kept = keeps_stream_ && !answer_.head_sent();
  if (may_be_kept && is_readable_event_stream(head)) keep_stream(&down);
  table_->cors().decorate(request_.headers, &down.headers);
  answer_.begin(head, std::move(down), dialect());
}

// --- 6. The answer's body

void Session::on_body(std::string_view bytes) {
  or_fail([&] {
    if (held_) return keep_answer(bytes);
    if (!key_->reading_refusal()) return carry_body(bytes);
    if (key_->keep(bytes)) conclude_refusal(false);
  });
}

void Session::carry_body(std::string_view bytes) {
  if (late_) return late_->see(bytes) ? void() : tell_late();
  recovery_ ? follow(recovery_->see(bytes)) : send_down(bytes);
}

void Session::send_down(std::string_view bytes) {
  answer_.body(bytes);
  if (answer_.carry()->is_event_stream()) services_.loop.flush_after_event();
  if (heartbeat_ > Duration::zero()) heartbeat_timer_.start(heartbeat_);
  if (!answer_.holds_back()) return;
  if (attempt_ != nullptr) attempt_->pause();
  if (recovery_) recovery_->hold_back();
}

void Session::on_client_drained() {
  if (reader_ != nullptr) return on_replay_ready();
  // One of several that read the stream has drained, perhaps not the slowest.
  if (finished_ || client_.queued() > limits::kHighWater || !answer_.drained()) return;
  if (attempt_ != nullptr) attempt_->resume();
  if (recovery_) recovery_->go_on_reading();
}

void Session::on_end() {
  or_fail([this] {
    if (held_) return judge_answer();
    if (key_->reading_refusal()) return conclude_refusal(true);
    recovery_ ? follow(recovery_->end()) : end_answer();
  });
}

void Session::end_answer() {
  if (late_) return tell_late();
  if (!answer_.complete()) {
    course_->broke_off();
    return fail(Error::upstream(Code::kUpstreamClosed, Stage::kBody, Retry::kNever,
                                "the stream ended without its end marker"));
  }
  settle(Outcome::kOk);  // before the client can see the end: what it has is on disk
  client_.send_end(trailers());
  finish(Outcome::kOk);
}

// --- 7. What goes wrong, and what is tried then

void Session::on_attempt_failed(Error error) {
  or_fail([&] {
    note_legs();
    if (late_) return tell_late();
    if (recovery_ && recovery_->streaming()) return follow(recovery_->failed(std::move(error)));
    if (answer_.begun() && !recovery_) {
      course_->broke_off();
      return fail(std::move(error));
    }
    if (key_->reading_refusal()) return conclude_refusal(false);
    give_up_or_go_on(std::move(error));
  });
}

void Session::give_up_or_go_on(Error error) {
  const Decision decision = judge(Ending::broken(error));
  if (decision.next != Next::kDone) return go_on(decision);
  if (recovery_) return follow(recovery_->failed(std::move(error)));
  if (decision.retry_after) error.retry_after = whole_seconds(*decision.retry_after);
  fail(std::move(error));
}

Decision Session::judge(const Ending& ending) {
  if (slot_) {
    slot_->report(ending.error ? load_of_error(*ending.error) : load_of_status(ending.status));
  }
  Progress so_far = progress();
  // How often a stream is asked for again is its own to bound; keys that rest are looked past.
  const bool looks_for_key = ending.key_refused && ending.status == 429;
  if (recovery_ && !ending.error && !looks_for_key) so_far.replayable = false;
  const Decision decision = course_->judge(ending, so_far);
  if (decision.next != Next::kDone) {
    services_.metrics.upstream(metric_label()).tried_again(to_string(decision.next));
    log::debug("a request is tried again", {{"id", record_.id},
                                            {"upstream", record_.upstream},
                                            {"attempt", record_.attempts},
                                            {"next", to_string(decision.next)},
                                            {"why", reason_of(ending)}});
  }
  return decision;
}

Progress Session::progress() const {
  Progress progress;
  progress.client_saw = answer_.begun() && recovery_ == nullptr;
  progress.replayable = body_.intact();
  if (attempt_ != nullptr && attempt_->connected()) {
    const bool begun = !has_body() || attempt_->body_sent() > 0;
    progress.exposed = begun && !attempt_->untouched();
  }
  progress.idempotent = is_idempotent(request_.method) || asks_anew_;
  progress.other_key = key_->another();
  return progress;
}

// The course stands where the next try is made.
void Session::go_on(const Decision& decision) {
  if (!client_.has_reader()) return break_off_unread();
  stop_attempt();
  held_.reset();
  rewind();
  switch (decision.next) {
    case Next::kDone:
      return;
    case Next::kFreshConnection:
    case Next::kOtherStrategy:
      return connect();
    case Next::kOtherKey:
      key_->set_aside();
      return choose_key();
    case Next::kOtherTarget:
    case Next::kOtherDestination:
    case Next::kShunnedTarget:
    case Next::kSameTarget:
      break;
  }
  key_->release();
  slot_.reset();
  if (decision.pause > Duration::zero()) return step_timer_.start(decision.pause);
  enter_step();
}

void Session::on_client_gone() {
  if (finished_) return;
  if (tunnelled_) return tunnel_->close();
  // SDKs close as soon as they have read the end marker, without the end of the framing.
  if (answer_.ended()) return finish(Outcome::kOk);
  record_.stage = answer_.begun() ? Stage::kBody : Stage::kNone;
  record_.error = "the client left";
  finish(Outcome::kAborted);
}

void Session::fail(Error error) {
  if (finished_) return;
  try {
    tell(std::move(error));
  } catch (const std::bad_alloc&) {
    client_.cut();  // there is no memory even to say so
    finish(Outcome::kRelayError);
  }
}

void Session::tell(Error error) {
  record_.stage = error.stage;
  record_.error = error_message(error);
  log::debug("a request failed", {{"id", record_.id},
                                  {"upstream", record_.upstream},
                                  {"attempt", record_.attempts},
                                  {"stage", to_string(error.stage)},
                                  {"error", record_.error}});
  if (tunnelled_) return finish(Outcome::kRelayError);
  if (answer_.head_sent()) {
    client_.drop_unfinished();
    answer_.truncate(error, dialect());
    return finish(Outcome::kTruncated);
  }
  if (verify_begun_ || reader_ != nullptr) {
    client_.cut();
    return finish(Outcome::kTruncated);
  }
  stop_attempt();
  LocalAnswer local = error_answer(error, answer_dialect(), record_.id, services_.clock.wall(),
                                   request_.method == "CONNECT");
  table_->cors().decorate(request_.headers, &local.head.headers);
  record_.status = local.head.status;
  send(client_, std::move(local));
  finish(outcome_of(error.fault));
}

// --- 8. What the relay answers itself, and the end

void Session::verify() {
  record_.path = "/verify";
  verify_ = std::make_unique<Verify>(services_, table_, static_cast<VerifySink&>(*this));
  if (request_.expect_continue) client_.send_continue();
  verify_->start(request_, where_, client_.peer());
}

void Session::on_verify_begins() {
  AnswerHead head;
  head.headers.add("Content-Type", "text/event-stream; charset=utf-8");
  head.headers.add("X-Request-Id", record_.id);
  head.headers.add("Cache-Control", "no-store");
  head.body = AnswerHead::Body::kUnknown;
  table_->cors().decorate(request_.headers, &head.headers);
  record_.status = head.status;
  verify_begun_ = true;
  client_.send_head(std::move(head));
}

void Session::on_verified(std::string_view event) {
  record_.bytes_out += event.size();
  client_.send_body(event);
}

void Session::on_verify_over() {
  client_.send_end({});
  finish(Outcome::kOk);
}

void Session::answer(LocalAnswer local) {
  if (record_.mode.empty()) record_.mode = "local";
  record_.status = local.head.status;
  record_.bytes_out = local.body.size();
  send(client_, std::move(local));
  finish(Outcome::kOk);
}

void Session::finish(Outcome outcome) {
  if (finished_) return;
  finished_ = true;
  total_timer_.stop();
  pause_timer_.stop();
  step_timer_.stop();
  heartbeat_timer_.stop();
  if (recovery_) recovery_->stop();
  end_turn();
  if (tunnel_) tunnel_->stop();
  if (verify_ != nullptr) {
    verify_->stop();
    services_.loop.retire(std::move(verify_));
  }
  if (reader_ != nullptr) {
    reader_->stop();
    services_.loop.retire(std::move(reader_));
  }
  try {
    stop_attempt();
    account(outcome);
  } catch (const std::bad_alloc&) {
    log::error("out of memory while a request was recorded");
  }
  if (key_) key_->release();
  slot_.reset();
  client_.session_over();
}

void Session::settle(Outcome outcome) {
  record_.outcome = outcome;
  record_.total_ms = since_start_ms();
  note_recovery();
  note_replay();
  bill_.settle(answer_.carry(), heading().credentials.authenticated, &record_);
}

void Session::account(Outcome outcome) {
  settle(outcome);
  if (key_) key_->count_tokens(record_.tokens_in.value_or(0) + record_.tokens_out.value_or(0));
  services_.metrics.upstream(metric_label()).finished(record_);
  bill_.add_lost_attempts(&record_);
  if (table_->settings().access_log) services_.access_log.write(record_);
}

void Session::stop_attempt() {
  if (attempt_ == nullptr) return;
  attempt_->stop();
  services_.loop.retire(std::move(attempt_));
}

void Session::note_legs() {
  if (attempt_ != nullptr) note_legs(attempt_->legs());
}

void Session::note_legs(const Legs& legs) {
  record_.reused = legs.reused;
  if (legs.reused) return;
  if (legs.resolve > Duration::zero()) record_.resolve_ms = milliseconds(legs.resolve);
  if (legs.connect > Duration::zero()) record_.connect_ms = milliseconds(legs.connect);
  if (legs.tls > Duration::zero()) record_.tls_ms = milliseconds(legs.tls);
}

double Session::since_start_ms() const { return milliseconds(services_.clock.now() - started_); }

// The errors of an endpoint speak its dialect, also where no upstream was chosen yet.
Dialect Session::answer_dialect() const {
  if (heading().upstream != nullptr) return dialect();
  return where_.place == Place::kGemini ? Dialect::kGemini : Dialect::kOpaque;
}

std::string Session::metric_label() const {
  return record_.upstream.empty() ? "none" : record_.upstream;
}

}  // namespace culvert
