// The answer's way down to the client: its head, its body as it comes, and an end that is either
// whole or plainly unfinished. Part of the session, which tells it what the upstream said; keeps
// the record and the bill up to date before the client can see what they tell of.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/dialect.h"
#include "relay/codec/response_parser.h"
#include "relay/flow/bill.h"
#include "relay/flow/client_side.h"
#include "relay/stream/carry.h"

#include <optional>
#include <string_view>

namespace culvert {

class Answering {
 public:
  // All of them outlive it.
  Answering(ClientSide& client, const Clock& clock, Instant started, RequestRecord& record,
            Bill& bill)
      : client_(client), clock_(clock), started_(started), record_(record), bill_(bill) {}

  // The first byte of an upstream's answer that is the client's. `down`: the head as the client
  // gets it, if it has none yet.
  void begin(const ResponseHead& head, AnswerHead&& down, Dialect dialect);
  bool begun() const { return carry_.has_value(); }

  // The head of an event stream, before there is an answer: so that heartbeats can go down.
  void begin_early(AnswerHead&& down);
  bool head_sent() const { return head_sent_; }
  // A comment, where one may stand and the client waits for something.
  void heartbeat();

  void body(std::string_view bytes);
  // The client takes no more: the upstream is to be paused, and resumed when this is told
  // that it drained. Each says true once for each change.
  bool holds_back();
  bool drained();
  bool waits_for_client() const { return held_back_; }

  // All that the dialect promises has passed.
  bool complete() const { return carry_->complete(); }
  // The dialect's end marker has passed: SDKs leave then, without the framing's end.
  bool ended() const { return carry_ && carry_->ended(); }
  const Carry* carry() const { return carry_ ? &*carry_ : nullptr; }

  // An attempt at the stream was lost, and what it wrote is recorded.
  void attempt_lost() { carry_->leave_untold(); }
  // Whatever the upstream sends, the client gets whole events only.
  void passes_whole_events() { whole_events_ = true; }
  // The stream says itself why it ends unfinished.
  void error_was_told() { event_fits_ = false; }

  // It can only end unfinished, and says why where an event of ours fits.
  void truncate(const Error& error, Dialect dialect);

 private:
  double since_start_ms() const { return milliseconds(clock_.now() - started_); }

  ClientSide& client_;
  const Clock& clock_;
  const Instant started_;
  RequestRecord& record_;
  Bill& bill_;
  std::optional<Carry> carry_;
  bool head_sent_ = false;
  size_t mark_left_ = 0;     // bytes of a byte order mark that may still come, and would stand late
  bool event_fits_ = false;  // an event of ours may follow: no length was announced
  bool whole_events_ = false;
  bool held_back_ = false;
};

}  // namespace culvert
