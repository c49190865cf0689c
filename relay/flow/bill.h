// What one request costs, followed from its body to its record in the spool. Part of the session;
// does nothing where usage is not recorded, but to measure what the vendor told. An attempt whose
// answer the client does not get has a record of its own, for its key and its upstream worked.
#pragma once

#include "relay/codec/json_scan.h"
#include "relay/flow/client_side.h"
#include "relay/stream/carry.h"
#include "relay/usage/accounts.h"
#include "relay/usage/meter.h"
#include "relay/usage/record.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace culvert {

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
  // The same of bytes that nobody here can read, of which the record has the counts.
  void note_tunnel(double since_start_ms, RequestRecord* record);
  // What the attempt that runs has used, where the stream that passes tells of all attempts.
  void tell(const Usage& usage) { told_ = usage; }
  // An attempt is over and another one follows; carry and told: what it wrote and used.
  // `record`: of the attempt, with an id of its own; what it used is written into it.
  void lose_attempt(const Usage& told, const Carry& carry, RequestRecord* record);
  // Measures, and writes the record where an upstream or a known client makes it one. Its outcome
  // and time stand already, and its tokens are those of the last attempt. Only the first call
  // counts. carry: nullptr where no answer began.
  void settle(const Carry* carry, bool authenticated, RequestRecord* record);
  // For who asks what the request used in all.
  void add_lost_attempts(RequestRecord* record) const;

 private:
  void measure_now(const Carry* carry, RequestRecord* record) const;
  Passed passed_by(const Carry& carry, const Usage& told) const;

  Accounts* const accounts_;
  JsonScan asked_;  // the request's text
  RunningRequest running_;
  std::optional<Usage> told_;
  Usage lost_;  // by attempts that have records of their own
  std::optional<uint64_t> announced_;  // bytes of the answer
  bool open_ = false;
  bool settled_ = false;
};

}  // namespace culvert
