// See bill.h.
#include "relay/flow/bill.h"

#include <utility>

namespace culvert {
namespace {

void add(std::optional<uint64_t>* to, std::optional<uint64_t> tokens) {
  if (tokens) *to = to->value_or(0) + *tokens;
}

}  // namespace

void Bill::open(const RequestRecord& record) {
  if (!kept()) return;
  if (std::exchange(open_, true)) return running_.note_names(record);
  running_ = accounts_->begin(record);
}

void Bill::answer_begins(const RequestRecord& record, const AnswerHead& head) {
  if (!kept()) return;
  if (head.body == AnswerHead::Body::kLength) announced_ = head.content_length;
  running_.note_names(record);
}

void Bill::note(const Carry& carry, double since_start_ms, RequestRecord* record) {
  if (!kept()) return;
  const bool whole = carry.ended() || announced_ == record->bytes_out;
  record->outcome = whole ? Outcome::kOk : Outcome::kTruncated;
  record->total_ms = since_start_ms;
  measure_now(&carry, record);
  running_.note_counts(*record);
}

void Bill::note_tunnel(double since_start_ms, RequestRecord* record) {
  if (!kept()) return;
  record->outcome = Outcome::kTruncated;
  record->total_ms = since_start_ms;
  measure_now(nullptr, record);
  running_.note_counts(*record);
}

void Bill::settle(const Carry* carry, bool authenticated, RequestRecord* record) {
  if (std::exchange(settled_, true)) return;
  measure_now(carry, record);
  // What strangers are refused costs nobody anything, and must not fill a disk.
  const bool counts = record->attempts > 0 || (authenticated && !record->upstream.empty());
  if (!counts) record->usage.reset();
  if (kept() && counts) accounts_->append(*record);
  running_.end();
}

void Bill::lose_attempt(const Usage& told, const Carry& carry, RequestRecord* record) {
  record->outcome = Outcome::kTruncated;
  record->lost = true;
  record->bytes_in = record->bytes_out = 0;  // the request's own record has them
  measure(passed_by(carry, told), kept(), record);
  add(&lost_.input, record->tokens_in);
  add(&lost_.output, record->tokens_out);
  add(&lost_.cached, record->tokens_cached);
  add(&lost_.reasoning, record->tokens_reasoning);
  if (kept()) accounts_->append(*record);
}

void Bill::add_lost_attempts(RequestRecord* record) const {
  add(&record->tokens_in, lost_.input);
  add(&record->tokens_out, lost_.output);
  add(&record->tokens_cached, lost_.cached);
  add(&record->tokens_reasoning, lost_.reasoning);
}

void Bill::measure_now(const Carry* carry, RequestRecord* record) const {
  Passed passed;
  passed.asked_quarters = asked_.quarters();
  if (carry != nullptr) passed = passed_by(*carry, told_.value_or(carry->usage()));
  measure(passed, kept(), record);
}

Passed Bill::passed_by(const Carry& carry, const Usage& told) const {
  return {.told = told,
          .answer_quarters = carry.untold_quarters(),
          .asked_quarters = asked_.quarters(),
          .readable = carry.readable()};
}

}  // namespace culvert
