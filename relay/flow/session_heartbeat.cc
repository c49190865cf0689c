// A client that waits long for the next byte of an event stream gets comments, before the upstream
// has answered too: what that means for the answer that comes then; see session.h, late_answer.h.
#include "relay/flow/session.h"

#include "relay/codec/error_body.h"
#include "relay/stream/stream_asked.h"

namespace culvert {

void Session::start_heartbeats() {
  heartbeat_ = heading().timeouts.heartbeat;
  if (heartbeat_ > Duration::zero()) heartbeat_timer_.start(heartbeat_);
}

void Session::beat() {
  if (finished_) return;
  heartbeat_timer_.start(heartbeat_);
  if (!answer_.head_sent()) {
    if (!asks_for_events()) return;
    AnswerHead down;
    down.headers.add("Content-Type", "text/event-stream; charset=utf-8");
    down.headers.add("Cache-Control", "no-store");
    down.headers.add("X-Request-Id", record_.id);
    down.body = AnswerHead::Body::kUnknown;
    if (resume_settings().on) down.trailer = "X-Culvert-Resumed";
    keep_stream(&down);
    table_->cors().decorate(request_.headers, &down.headers);
    answer_.begin_early(std::move(down));
  }
  answer_.heartbeat();
}

// Only of a body that is here as a whole; until then nothing is said.
bool Session::asks_for_events() {
  if (asks_for_events_) return *asks_for_events_;
  const bool known = !has_body() || (body_.whole() && body_.replayable());
  if (!known) return false;
  asks_for_events_ = culvert::asks_for_events(dialect(), heading().path, body_.all());
  return *asks_for_events_;
}

// Also of an answer that broke off: it would not be told whole in any case.
void Session::tell_late() {
  const auto late = std::move(late_);
  const Error error = late->error();
  record_.stage = error.stage;
  record_.error = error_message(error);
  client_.send_body(late->event(dialect(), record_.id, services_.clock.wall()));
  client_.cut();
  finish(Outcome::kTruncated);
}

}  // namespace culvert
