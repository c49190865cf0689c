// What is done when something fails: further tries, circuit breaker, health checks, concurrency.
#include "proto/scalars.h"
#include "relay/base/limits.h"
#include "relay/config/compile_parts.h"

#include <algorithm>

namespace culvert {
namespace {

Duration time_or(bool given, const google::protobuf::Duration& written, Duration otherwise) {
  return given ? from_proto(written) : otherwise;
}

// Ascending and each once; a 0 that stands alone means none.
template <class Statuses>
std::vector<uint16_t> compile_statuses(const Statuses& written) {
  std::vector<uint16_t> out;
  for (const uint32_t status : written) {
    if (status != 0) out.push_back(static_cast<uint16_t>(status));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

RetrySettings default_retry() {
  return {limits::kRetryAttempts,   {limits::kRetryStatuses.begin(), limits::kRetryStatuses.end()},
          limits::kRetryBackoff,    limits::kRetryBackoffMost,
          limits::kRetryWithin,     limits::kRetryBudgetPercent,
          limits::kRetryBudgetLeast};
}

RetryOverrides compile_retry(const v1::Retry& written) {
  RetryOverrides out;
  if (written.has_attempts()) out.attempts = written.attempts();
  if (written.statuses_size() > 0) out.statuses = compile_statuses(written.statuses());
  if (written.has_backoff()) out.backoff = from_proto(written.backoff());
  if (written.has_backoff_most()) out.backoff_most = from_proto(written.backoff_most());
  if (written.has_within()) out.within = from_proto(written.within());
  return out;
}

BreakerSettings compile_breaker(const v1::CircuitBreaker& written) {
  BreakerSettings out;
  out.on = !written.off();
  out.consecutive_failures = written.has_consecutive_failures() ? written.consecutive_failures()
                                                                : limits::kBreakerFailures;
  out.error_percent =
      written.has_error_percent() ? written.error_percent() : limits::kBreakerPercent;
  out.requests_least =
      written.has_requests_least() ? written.requests_least() : limits::kBreakerRequests;
  out.window = time_or(written.has_window(), written.window(), limits::kBreakerWindow);
  out.open = time_or(written.has_open(), written.open(), limits::kBreakerOpen);
  out.ejected_percent_most = written.has_ejected_percent_most() ? written.ejected_percent_most()
                                                                : limits::kBreakerEjectedPercent;
  return out;
}

HealthCheckSettings compile_health_check(const v1::HealthCheck& written) {
  HealthCheckSettings out;
  out.on = !written.off();
  out.interval = time_or(written.has_interval(), written.interval(), limits::kHealthInterval);
  out.timeout = time_or(written.has_timeout(), written.timeout(), limits::kHealthTimeout);
  out.path = written.path();
  out.statuses = compile_statuses(written.statuses());
  out.keys = !written.keys_off();
  return out;
}

ConcurrencySettings compile_concurrency(const v1::Concurrency& written) {
  ConcurrencySettings out;
  out.most = written.has_most() ? written.most() : limits::kConcurrencyMost;
  out.least = std::min(out.most, written.has_least() ? written.least() : limits::kConcurrencyLeast);
  out.fixed = written.fixed();
  out.queue = written.has_queue() ? written.queue() : limits::kQueueLength;
  out.queue_age = time_or(written.has_queue_age(), written.queue_age(), limits::kQueueAge);
  return out;
}

}  // namespace culvert
