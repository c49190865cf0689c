// See answering.h.
#include "relay/flow/answering.h"

#include "relay/base/limits.h"
#include "relay/codec/error_body.h"

#include <utility>

namespace culvert {

void Answering::begin(const ResponseHead& head, const AnswerHead& down, Dialect dialect) {
  dialect_ = dialect;
  record_.first_byte_ms = since_start_ms();
  carry_.emplace(dialect, head, bill_.kept());
  record_.status = head.status;
  event_fits_ = down.body == AnswerHead::Body::kUnknown;
  bill_.answer_begins(record_, down);
  client_.send_head(down);
}

void Answering::body(std::string_view bytes) {
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

void Answering::truncate(const Error& error) {
  // Where a length was announced, an event of ours would fill it up and look like the missing end.
  if (event_fits_ && carry_->at_boundary()) {
    client_.send_body(error_event(dialect_, error, record_.id, clock_.wall()));
  }
  client_.cut();
}

}  // namespace culvert
