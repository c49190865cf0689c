// What one request costs, followed from its body to its record in the spool. Part of the session;
// does nothing where usage is not recorded, but to measure what the vendor told.
#pragma once

#include "relay/codec/json_scan.h"
#include "relay/flow/client_side.h"
#include "relay/stream/carry.h"
#include "relay/usage/accounts.h"
#include "relay/usage/record.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace culvert {

Usage sum(const Usage& a, const Usage& b);

class Bill {
 public:
  explicit Bill(Accounts* accounts) : accounts_(accounts), asked_(JsonScan::kRequest) {}

  bool kept() const { return accounts_ != nullptr; }

  void see_request(std::string_view bytes) {
    if (kept()) asked_.feed(bytes);
  }
  // Before each attempt: from here on the request is recorded whatever happens to the process.
  void open(const RequestRecord& record);
  void note_names(const RequestRecord& record) { running_.note_names(record); }
  void answer_begins(const RequestRecord& record, const AnswerHead& head);
  // Before the client gets what carry has seen: a process that dies next has told the truth.
  void note(const Carry& carry, double since_start_ms, RequestRecord* record);
  // What all attempts at a stream have used, where what passes tells of one of them.
  void tell(const Usage& usage) { told_ = usage; }
  // An attempt's answer that nobody gets was paid for all the same.
  void lose(const Usage& usage) { lost_ = sum(lost_, usage); }
  // Measures, and writes the record where an upstream or a known client makes it one. Its outcome
  // and time stand already. Only the first call counts. carry: nullptr where no answer began.
  void settle(const Carry* carry, bool authenticated, RequestRecord* record);

 private:
  void measure_now(const Carry* carry, RequestRecord* record) const;

  Accounts* const accounts_;
  JsonScan asked_;  // the request's text
  RunningRequest running_;
  std::optional<Usage> told_;
  Usage lost_;
  std::optional<uint64_t> announced_;  // bytes of the answer
  bool open_ = false;
  bool settled_ = false;
};

}  // namespace culvert
