// Whether relays run a revision: waited for after every change, because a change that is stored is
// not yet one that is served.
#pragma once

#include "control/cli/session.h"
#include "control/cli/value.h"
#include "relay/base/result.h"

#include <string>
#include <vector>

namespace culvert::cli {

struct RelayOutcome {
  enum class What {
    kRuns,     // what it is meant to run
    kRefused,  // it runs what it could take; `refusals` says what it could not
    kSilent,   // connected, but has not said yet that it runs it
    kAway,     // not connected: gets it when it is back
  };
  std::string name;
  What what = What::kSilent;
  std::vector<v1::Refusal> refusals;
};

// What one relay's state says of a revision. Pure.
RelayOutcome outcome_of(const v1::RelayStatus& relay, uint64_t revision);

// Until no relay is silent, at most `most`. Relays by name.
Result<std::vector<RelayOutcome>> await_relays(Session* session,
                                               const Terminal& terminal,
                                               uint64_t revision,
                                               Duration most);

// Lines for people, and the form for --output json and yaml: name, state, refusals.
std::string in_words(const std::vector<RelayOutcome>& outcomes, uint64_t revision, bool colours);
Value value_of(const std::vector<RelayOutcome>& outcomes);
bool any_refused(const std::vector<RelayOutcome>& outcomes);

}  // namespace culvert::cli
