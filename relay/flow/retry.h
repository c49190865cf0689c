// Whether a request that failed is tried again, and how. Pure: the only place that decides it. What
// may have been acted upon is never repeated, unless the upstream itself answered with a status
// that asks for it.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/error.h"
#include "relay/base/random.h"
#include "relay/config/snapshot.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace culvert {

// What one attempt came to: an answer's status, or an error where none came or ours forbade it.
struct Ending {
  int status = 0;
  std::optional<Duration> retry_after;  // of the answer
  bool key_refused = false;             // 401, 403 or 429 was said to a key of a pool
  std::optional<Error> error;
  // `x-should-retry: false`, which the SDKs of OpenAI and Anthropic obey: not of the same upstream.
  bool not_again = false;

  static Ending answer(int status,
                       std::optional<Duration> retry_after = std::nullopt,
                       bool key_refused = false) {
    return {status, retry_after, key_refused, std::nullopt, false};
  }
  static Ending broken(Error error) { return {0, std::nullopt, false, std::move(error), false}; }
};

// How far the request has come; the session knows.
struct Progress {
  bool client_saw = false;  // a byte of an answer went down
  bool replayable = true;   // what was sent of the body, if anything, can be sent again
  // The upstream may have begun to act: a byte of the body can have left, or all of a request that
  // has no body.
  bool exposed = false;
  bool idempotent = false;  // RFC 9110 §9.2.2, by its method
  bool other_key = false;   // its pool may have one that was not tried, within the bound for keys
};

// What is left to try; flow/course knows.
struct Left {
  bool fresh_connection = false;  // none was asked for yet
  bool other_strategy = false;
  bool aggressive_fallback = true;
  bool other_target = false;       // one that is well
  bool other_destination = false;  // one that has such a target
  bool shunned_target = false;     // one whose breaker is open
  bool budget = true;              // a further try at the same upstream is within its share
  // The present target was known to fail, and was used because too many of its upstream do or to
  // find out whether it still does: who was sent there is owed a try at one that is well.
  bool owed = false;
  uint32_t attempts = 1;  // made; different strategies and keys counted as one
  uint32_t pauses = 0;    // made before further tries at a target that was asked before
  Duration elapsed{};     // since the request began
};

enum class Next : uint8_t {
  kDone,             // the answer, or the error, is the client's
  kFreshConnection,  // at once, the same way: only the pooled connection had died
  kOtherKey,         // at once, at the same target
  kOtherStrategy,    // at once, at the same target
  kOtherTarget,
  kOtherDestination,
  kShunnedTarget,
  kSameTarget,  // after `pause`
};

std::string_view to_string(Next next);  // one word, for log and metrics

struct Decision {
  Next next = Next::kDone;
  Duration pause{};
  bool counted = false;                 // against the upstream's retry budget
  std::optional<Duration> retry_after{};  // for the client, where it is given up
};

Decision decide(const Ending& ending,
                const Progress& progress,
                const Left& left,
                const RetrySettings& settings,
                Random& random);

// What an attempt says of its target: nullopt: nothing (429 is about the key, a pooled connection
// that had died about nobody); true: it is well, whatever the answer says to the client.
std::optional<bool> target_is_well(const Ending& ending);

// No connection came about.
bool unreachable(const Ending& ending);

// For the log: the status, or the error's stage.
std::string reason_of(const Ending& ending);

// The attempt was not made: our own limits or the keys of its upstream forbade it.
bool refused_by_relay(const Ending& ending);

bool is_idempotent(std::string_view method);

}  // namespace culvert
