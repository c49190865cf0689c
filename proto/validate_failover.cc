// What is done when something fails: further tries, circuit breaker, health checks, and how much an
// upstream is given at once.
#include "proto/scalars.h"
#include "proto/validate_parts.h"
#include "relay/base/limits.h"
#include "relay/base/url.h"

namespace culvert {
namespace {

template <class Statuses>
void inspect_statuses(const std::string& path,
                      const Statuses& statuses,
                      uint32_t least,
                      std::string_view allowed,
                      Inspection* out) {
  for (int i = 0; i < statuses.size(); ++i) {
    if (statuses[i] >= least && statuses[i] <= 599) continue;
    out->say(indexed(path, i), std::to_string(statuses[i]) + " is no status that can stand here; " +
                                   std::string(allowed));
  }
}

void inspect_retry_budget(const v1::Retry& retry, bool of_route, Inspection* out) {
  const auto look = [&](bool given, const std::string& name, uint32_t number, uint32_t most) {
    if (!given) return;
    if (of_route) {
      out->say("retry." + name, name +
                                    " of a route; the budget is one for all requests to an "
                                    "upstream, so it is set there");
    } else {
      inspect_number("retry." + name, name, number, 0, most, out);
    }
  };
  look(retry.has_budget_percent(), "budget_percent", retry.budget_percent(), 100);
  look(retry.has_budget_least(), "budget_least", retry.budget_least(),
       limits::kRetryBudgetLeastMost);
}

}  // namespace

void inspect_retry(const v1::Retry& retry, bool of_route, Inspection* out) {
  if (retry.has_attempts()) {
    inspect_number("retry.attempts", "attempts", retry.attempts(), 1, limits::kRetryAttemptsMost,
                   out);
  }
  const bool none = retry.statuses_size() == 1 && retry.statuses(0) == 0;
  if (!none) {
    inspect_statuses("retry.statuses", retry.statuses(), 400,
                     "allowed are 400 to 599, or 0 alone for none", out);
  }
  inspect_backoff("retry", retry, {limits::kRetryBackoff, limits::kRetryBackoffMost}, of_route,
                  out);
  if (retry.has_within()) inspect_timer("retry.within", retry.within(), false, out);
  inspect_retry_budget(retry, of_route, out);
}

void inspect_breaker(const v1::CircuitBreaker& breaker, Inspection* out) {
  const auto look = [&](bool given, const std::string& name, uint32_t number, uint32_t least,
                        uint32_t most) {
    if (given) inspect_number("circuit_breaker." + name, name, number, least, most, out);
  };
  look(breaker.has_consecutive_failures(), "consecutive_failures", breaker.consecutive_failures(),
       0, limits::kBreakerCountMost);
  look(breaker.has_error_percent(), "error_percent", breaker.error_percent(), 0, 100);
  look(breaker.has_requests_least(), "requests_least", breaker.requests_least(), 1,
       limits::kBreakerCountMost);
  look(breaker.has_ejected_percent_most(), "ejected_percent_most", breaker.ejected_percent_most(),
       0, 100);
  if (breaker.has_window()) inspect_timer("circuit_breaker.window", breaker.window(), false, out);
  if (breaker.has_open()) inspect_timer("circuit_breaker.open", breaker.open(), false, out);
}

void inspect_health_check(const v1::HealthCheck& check, Inspection* out) {
  if (check.has_interval()) {
    inspect_timer("health_check.interval", check.interval(), false, out);
    const Duration interval = from_proto(check.interval());
    if (interval.count() > 0 && interval < limits::kHealthIntervalLeast) {
      out->say("health_check.interval",
               "an interval of " + print_duration(interval) + "; allowed are " +
                   print_duration(limits::kHealthIntervalLeast) + " and more");
    }
  }
  if (check.has_timeout()) inspect_timer("health_check.timeout", check.timeout(), false, out);
  if (!check.path().empty() &&
      (check.path().size() > limits::kTargetBytes || !check_target(check.path()))) {
    out->say("health_check.path",
             in_quotes(check.path()) +
                 " is no path; allowed are paths such as /v1/models, which begin with a slash, "
                 "without dot segments or a fragment");
  }
  inspect_statuses("health_check.statuses", check.statuses(), 100, "allowed are 100 to 599", out);
}

void inspect_concurrency(const v1::Concurrency& concurrency, Inspection* out) {
  const auto look = [&](bool given, const std::string& name, uint32_t number, uint32_t least,
                        uint32_t most) {
    if (given) inspect_number("concurrency." + name, name, number, least, most, out);
  };
  const uint32_t most = concurrency.has_most() ? concurrency.most() : limits::kConcurrencyMost;
  look(concurrency.has_most(), "most", most, 1, limits::kConcurrencyBound);
  look(concurrency.has_queue(), "queue", concurrency.queue(), 0, limits::kConcurrencyBound);
  look(concurrency.has_least(), "least", concurrency.least(), 1, limits::kConcurrencyBound);
  if (concurrency.has_least() && concurrency.least() > most) {
    out->say("concurrency.least", "least is " + std::to_string(concurrency.least()) +
                                      " and most is " + std::to_string(most) +
                                      "; allowed is up to that");
  }
  if (concurrency.has_queue_age()) {
    inspect_timer("concurrency.queue_age", concurrency.queue_age(), false, out);
  }
}

void inspect_number(const std::string& path,
                    std::string_view what,
                    uint64_t number,
                    uint64_t least,
                    uint64_t most,
                    Inspection* out) {
  if (number >= least && number <= most) return;
  out->say(path, std::string(what) + " of " + std::to_string(number) + "; allowed are " +
                     std::to_string(least) + " to " + std::to_string(most));
}

}  // namespace culvert
