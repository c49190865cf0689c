// Counters of another process begin anew: what is lower than before counts from zero.
#include "control/fleet/meter.h"

#include "control/fleet/limits.h"
#include "control/fleet/times.h"

#include <algorithm>
#include <vector>

namespace culvert::control {
namespace {

bool of_another_process(const v1::MetricsReport& now, const v1::MetricsReport& then) {
  return now.instance() != then.instance() || now.requests() < then.requests() ||
         now.errors() < then.errors() || now.input_tokens() < then.input_tokens() ||
         now.output_tokens() < then.output_tokens() || now.cpu_seconds() < then.cpu_seconds();
}

Totals totals_of(const v1::MetricsReport& report) {
  return {.requests = report.requests(),
          .errors = report.errors(),
          .input_tokens = report.input_tokens(),
          .output_tokens = report.output_tokens(),
          .cpu_seconds = report.cpu_seconds()};
}

UpstreamTotals upstreams_of(const v1::MetricsReport& report) {
  UpstreamTotals totals;
  for (const v1::UpstreamCounters& counters : report.upstreams()) {
    totals[counters.upstream()].add({.requests = counters.requests(),
                                     .errors = counters.errors(),
                                     .input_tokens = counters.input_tokens(),
                                     .output_tokens = counters.output_tokens(),
                                     .cpu_seconds = 0});
  }
  return totals;
}

uint64_t beyond(uint64_t now, uint64_t then) { return now < then ? now : now - then; }

Totals beyond(const Totals& now, const Totals& then) {
  return {.requests = beyond(now.requests, then.requests),
          .errors = beyond(now.errors, then.errors),
          .input_tokens = beyond(now.input_tokens, then.input_tokens),
          .output_tokens = beyond(now.output_tokens, then.output_tokens),
          .cpu_seconds = std::max(0.0, now.cpu_seconds - then.cpu_seconds)};
}

double seconds_between(const v1::MetricsReport& from, const v1::MetricsReport& to) {
  return seconds(time_of(to.time()) - time_of(from.time()));
}

// What was counted between, per bucket; empty where the two do not fit together.
std::vector<double> counts_between(const v1::Buckets& from, const v1::Buckets& to) {
  const auto size = to.counts_size();
  const bool fits =
      size == to.bounds_size() + 1 &&
      (from.counts_size() == 0 ||
       (from.counts_size() == size && std::equal(from.bounds().begin(), from.bounds().end(),
                                                 to.bounds().begin(), to.bounds().end())));
  if (!fits) return {};
  std::vector<double> counts;
  for (int i = 0; i < size; ++i) {
    const uint64_t then = from.counts_size() == 0 ? 0 : from.counts(i);
    if (to.counts(i) < then) return {};
    counts.push_back(static_cast<double>(to.counts(i) - then));
  }
  return counts;
}

}  // namespace

void Totals::add(const Totals& other) {
  requests += other.requests;
  errors += other.errors;
  input_tokens += other.input_tokens;
  output_tokens += other.output_tokens;
  cpu_seconds += other.cpu_seconds;
}

Meter::Added Meter::add(const v1::MetricsReport& report) {
  if (before_ && of_another_process(report, *before_)) {
    before_.reset();
    reports_.clear();
  }
  const v1::MetricsReport then = before_.value_or(v1::MetricsReport());
  Added added{beyond(totals_of(report), totals_of(then)), upstreams_of(report)};
  const UpstreamTotals upstreams_then = upstreams_of(then);
  for (auto& [name, totals] : added.upstreams) {
    const auto found = upstreams_then.find(name);
    if (found != upstreams_then.end()) totals = beyond(totals, found->second);
  }
  totals_.add(added.all);
  before_ = report;
  reports_.push_back(report);
  if (reports_.size() > limits::kReportsKept) reports_.pop_front();
  return added;
}

std::optional<v1::Rates> Meter::rates() const {
  if (reports_.empty()) return std::nullopt;
  const v1::MetricsReport& from = reports_.front();
  const v1::MetricsReport& to = reports_.back();
  v1::Rates rates;
  rates.set_active_requests(to.active_requests());
  rates.set_connections(to.connections());
  rates.set_memory_bytes(to.memory_bytes());
  const double span = seconds_between(from, to);
  if (span <= 0) return rates;
  const Totals counted = beyond(totals_of(to), totals_of(from));
  rates.set_requests_per_second(static_cast<double>(counted.requests) / span);
  rates.set_errors_per_second(static_cast<double>(counted.errors) / span);
  rates.set_tokens_per_second(static_cast<double>(counted.output_tokens) / span);
  rates.set_cpu_share(counted.cpu_seconds / span);
  if (const auto median = quantile(from.first_token(), to.first_token(), 0.5)) {
    rates.set_first_token_p50_ms(*median * 1000);
  }
  if (const auto late = quantile(from.first_token(), to.first_token(), 0.95)) {
    rates.set_first_token_p95_ms(*late * 1000);
  }
  return rates;
}

std::optional<double> quantile(const v1::Buckets& from, const v1::Buckets& to, double share) {
  const std::vector<double> counts = counts_between(from, to);
  double all = 0;
  for (const double count : counts) all += count;
  if (all <= 0) return std::nullopt;
  double below = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const auto bucket = static_cast<int>(i);
    if (below + counts[i] < share * all || counts[i] <= 0) {
      below += counts[i];
      continue;
    }
    const double least = bucket == 0 ? 0 : to.bounds(bucket - 1);
    if (bucket == to.bounds_size()) return least;  // beyond the last bound: at least that
    return least + (to.bounds(bucket) - least) * (share * all - below) / counts[i];
  }
  return to.bounds_size() == 0 ? 0 : to.bounds(to.bounds_size() - 1);
}

}  // namespace culvert::control
