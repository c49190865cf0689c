// See bill.h.
#include "relay/flow/bill.h"

#include "relay/usage/meter.h"

#include <utility>

namespace culvert {
namespace {

std::optional<uint64_t> sum(std::optional<uint64_t> a, std::optional<uint64_t> b) {
  return a || b ? std::optional<uint64_t>(a.value_or(0) + b.value_or(0)) : std::nullopt;
}

}  // namespace

Usage sum(const Usage& a, const Usage& b) {
  return {.input = sum(a.input, b.input),
          .output = sum(a.output, b.output),
          .cached = sum(a.cached, b.cached),
          .reasoning = sum(a.reasoning, b.reasoning)};
}

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

void Bill::settle(const Carry* carry, bool authenticated, RequestRecord* record) {
  if (std::exchange(settled_, true)) return;
  measure_now(carry, record);
  // What strangers are refused costs nobody anything, and must not fill a disk.
  const bool counts = record->attempts > 0 || (authenticated && !record->upstream.empty());
  if (!counts) record->usage.reset();
  if (kept() && counts) accounts_->append(*record);
  running_.end();
}

void Bill::measure_now(const Carry* carry, RequestRecord* record) const {
  Passed passed;
  passed.asked_quarters = asked_.quarters();
  if (carry != nullptr) {
    passed.told = told_.value_or(carry->usage());
    passed.answer_quarters = carry->untold_quarters();
    passed.readable = carry->readable();
  }
  passed.told = sum(passed.told, lost_);
  measure(passed, kept(), record);
}

}  // namespace culvert
