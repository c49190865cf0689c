// See answering.h.
#include "relay/flow/answering.h"

#include "relay/base/limits.h"
#include "relay/codec/error_body.h"

#include <utility>

namespace culvert {
namespace {


constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

void Answering::begin(const ResponseHead& head, AnswerHead&& down, Dialect dialect) {
  record_.first_byte_ms = since_start_ms();
  carry_.emplace(dialect, head, bill_.kept());
  record_.status = head.status;
  event_fits_ = down.body == AnswerHead::Body::kUnknown;
  bill_.answer_begins(record_, down);
  if (std::exchange(head_sent_, true)) return;
  client_.send_head(std::move(down));
}

void Answering::begin_early(AnswerHead&& down) {
  head_sent_ = event_fits_ = true;
  mark_left_ = kByteOrderMark.size();
  record_.status = down.status;
  client_.send_head(std::move(down));
}

void Answering::heartbeat() {
  const bool between = carry_ ? carry_->at_boundary() && !carry_->ended() : head_sent_;
  if (!between || !event_fits_ || client_.queued() > 0) return;
  ++record_.heartbeats;
  client_.send_body(": heartbeat\n\n");
}

void Answering::body(std::string_view bytes) {
  while (mark_left_ > 0 && !bytes.empty()) {
    const bool mark = bytes.front() == kByteOrderMark[kByteOrderMark.size() - mark_left_];
    mark_left_ = mark ? mark_left_ - 1 : 0;
    if (mark) bytes.remove_prefix(1);
  }
  record_.bytes_out += bytes.size();
  carry_->see(bytes);
  if (record_.first_token_ms < 0 && carry_->content_seen()) {
    record_.first_token_ms = since_start_ms();
  }
  bill_.note(*carry_, since_start_ms(), &record_);
  client_.send_body(bytes);
}

bool Answering::holds_back() {
  return client_.queued() > limits::kHighWater && !std::exchange(held_back_, true);
}

bool Answering::drained() { return std::exchange(held_back_, false); }

void Answering::truncate(const Error& error, Dialect dialect) {
  // Where a length was announced, an event of ours would fill it up and look like the missing end.
  if (event_fits_ && (whole_events_ || !carry_ || carry_->at_boundary())) {
    client_.send_body(error_event(dialect, error, record_.id, clock_.wall()));
  }
  client_.cut();
}

}  // namespace culvert
