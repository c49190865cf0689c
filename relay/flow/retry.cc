// In the order of the questions: may it be repeated, may it be tried once more, where.
#include "relay/flow/retry.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace culvert {
namespace {

bool connecting(Stage stage) {
  return stage == Stage::kResolve || stage == Stage::kConnect || stage == Stage::kTls;
}

// The connection layer's word that the upstream did not take the request.
bool not_taken(const Error& error) {
  return connecting(error.stage) || error.retry == Retry::kFreshConnection;
}

bool worth_repeating(const Ending& ending, const RetrySettings& settings) {
  if (ending.key_refused) return true;
  if (!ending.error) {
    return std::find(settings.statuses.begin(), settings.statuses.end(), ending.status) !=
           settings.statuses.end();
  }
  const Error& error = *ending.error;
  // Who answers what cannot be read would do so again.
  return error.fault == Fault::kUpstream && error.code != Code::kTotalTimeout &&
         error.code != Code::kBadAnswer;
}

bool may_repeat(const Ending& ending, const Progress& progress) {
  if (progress.client_saw || !progress.replayable) return false;
  if (!ending.error || !progress.exposed || progress.idempotent) return true;
  return not_taken(*ending.error);
}

std::optional<Duration> asked_to_wait(const Ending& ending) {
  if (ending.retry_after) return ending.retry_after;
  if (ending.error && ending.error->retry_after >= 0) {
    return std::chrono::seconds(ending.error->retry_after);
  }
  return std::nullopt;
}

// Full jitter: spreads those who failed together over the whole of the time.
Duration jittered(uint32_t nth, const RetrySettings& settings, Random& random) {
  Duration bound = std::min(settings.backoff, settings.backoff_most);
  for (uint32_t i = 0; i < nth && bound < settings.backoff_most; ++i) {
    bound = std::min(bound * 2, settings.backoff_most);
  }
  if (bound <= Duration::zero()) return {};
  return Duration(static_cast<int64_t>(random.below(static_cast<uint64_t>(bound.count()) + 1)));
}

bool strategy_failed(const Ending& ending, const Progress& progress, const Left& left) {
  if (!left.other_strategy || !ending.error) return false;
  if (connecting(ending.error->stage)) return true;
  return left.aggressive_fallback && (!progress.exposed || not_taken(*ending.error));
}

// Where another pool could pay, half of the time is left to it.
bool key_hunt_ends(const Left& left, const RetrySettings& settings) {
  return left.other_destination && left.elapsed * 2 >= settings.within;
}

// The connection layer's word that a pause changes nothing: a certificate that was refused.
bool certain_to_fail(const Ending& ending) {
  return ending.error && connecting(ending.error->stage) && ending.error->retry == Retry::kNever;
}

Decision give_up(const Ending& ending) { return {.retry_after = asked_to_wait(ending)}; }

Decision after_pause(const Ending& ending,
                     const Left& left,
                     const RetrySettings& settings,
                     Random& random) {
  const Duration pause = std::max(jittered(left.pauses + 1, settings, random),
                                  asked_to_wait(ending).value_or(Duration::zero()));
  if (left.elapsed + pause >= settings.within) return give_up(ending);
  return {.next = Next::kSameTarget, .pause = pause, .counted = true};
}

// Another place first: who waits at a place that failed waits for nothing as long as one is well.
Decision elsewhere(const Ending& ending,
                   const Left& left,
                   const RetrySettings& settings,
                   Random& random) {
  if (ending.not_again) {
    return left.other_destination ? Decision{.next = Next::kOtherDestination} : give_up(ending);
  }
  // What is said to a key is said at all targets.
  const bool elsewhere_helps = left.other_target && ending.status != 429;
  // Where nobody was reached, nobody has had a call yet: it is the first of whom it reaches, and
  // breakers see to it that dead targets are few.
  const bool owed = left.owed || unreachable(ending);
  if (elsewhere_helps && (owed || left.budget)) {
    return {.next = Next::kOtherTarget, .counted = !owed};
  }
  if (left.other_destination) return {.next = Next::kOtherDestination};
  if (!left.budget) return give_up(ending);
  if (left.shunned_target && ending.status != 429) {
    return {.next = Next::kShunnedTarget, .counted = true};
  }
  if (certain_to_fail(ending)) return give_up(ending);
  return after_pause(ending, left, settings, random);
}

}  // namespace

Decision decide(const Ending& ending,
                const Progress& progress,
                const Left& left,
                const RetrySettings& settings,
                Random& random) {
  // Another upstream has other keys and another queue.
  if (refused_by_relay(ending)) {
    const bool goes_on = left.other_destination && !progress.client_saw && progress.replayable &&
                         left.elapsed < settings.within;
    return goes_on ? Decision{.next = Next::kOtherDestination} : give_up(ending);
  }
  if (!worth_repeating(ending, settings) || !may_repeat(ending, progress)) {
    return give_up(ending);
  }
  const bool stale = ending.error && ending.error->retry == Retry::kFreshConnection;
  if (stale && left.fresh_connection) return {.next = Next::kFreshConnection};
  if (strategy_failed(ending, progress, left)) return {.next = Next::kOtherStrategy};
  if (settings.attempts <= 1 || left.elapsed >= settings.within) return give_up(ending);
  // A refused key costs its upstream next to nothing and is set aside for everybody: looking for a
  // good one has a bound of its own.
  if (ending.key_refused && progress.other_key && !key_hunt_ends(left, settings)) {
    return {.next = Next::kOtherKey};
  }
  if (left.attempts >= settings.attempts) return give_up(ending);
  if (!ending.key_refused) return elsewhere(ending, left, settings, random);
  // No other target of this upstream likes the key better.
  return left.other_destination ? Decision{.next = Next::kOtherDestination} : give_up(ending);
}

std::string_view to_string(Next next) {
  switch (next) {
    case Next::kDone:
      return "done";
    case Next::kFreshConnection:
      return "fresh_connection";
    case Next::kOtherKey:
      return "key";
    case Next::kOtherStrategy:
      return "strategy";
    case Next::kOtherTarget:
    case Next::kShunnedTarget:
      return "target";
    case Next::kOtherDestination:
      return "destination";
    case Next::kSameTarget:
      return "again";
  }
  return "done";
}

std::string reason_of(const Ending& ending) {
  return ending.error ? std::string(to_string(ending.error->stage)) : std::to_string(ending.status);
}

bool refused_by_relay(const Ending& ending) {
  if (!ending.error) return false;
  const Error& error = *ending.error;
  return error.fault == Fault::kOurs && error.stage == Stage::kLimit &&
         (error.code == Code::kOverloaded || error.code == Code::kKeysRateLimited ||
          error.code == Code::kKeysUnavailable);
}

std::optional<bool> target_is_well(const Ending& ending) {
  if (!ending.error) {
    // 501 and 505 are about the request; other answers of 5xx about who gives them.
    return ending.status < 500 || ending.status == 501 || ending.status == 505;
  }
  const Error& error = *ending.error;
  if (error.fault != Fault::kUpstream || error.retry == Retry::kFreshConnection) {
    return std::nullopt;
  }
  return false;
}

bool unreachable(const Ending& ending) { return ending.error && connecting(ending.error->stage); }

bool is_idempotent(std::string_view method) {
  static constexpr std::array<std::string_view, 6> kMethods = {"GET",    "HEAD",    "PUT",
                                                               "DELETE", "OPTIONS", "TRACE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

}  // namespace culvert
