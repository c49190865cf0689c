// The same counters as /metrics, summed for the control service: read off the families, so that
// nothing is counted twice.
#include "relay/usage/metrics.h"
#include "relay/usage/metrics_state.h"

namespace culvert {
namespace {

using Summary = Metrics::Summary;

std::string_view label(const prometheus::ClientMetric& metric, std::string_view name) {
  for (const auto& pair : metric.label) {
    if (pair.name == name) return pair.value;
  }
  return {};
}

template <class Add>
void add_to(const prometheus::ClientMetric& metric, Summary* out, Add add) {
  const auto value = static_cast<uint64_t>(metric.counter.value);
  add(&out->all, value);
  add(&out->upstreams[std::string(label(metric, "upstream"))], value);
}

void add_requests(const prometheus::ClientMetric& metric, Summary* out) {
  const bool failed =
      label(metric, "status_class") == "5xx" || label(metric, "outcome") == "truncated";
  add_to(metric, out, [failed](Summary::OfOne* one, uint64_t value) {
    one->requests += value;
    if (failed) one->errors += value;
  });
}

void add_tokens(const prometheus::ClientMetric& metric, Summary* out) {
  const std::string_view type = label(metric, "type");
  add_to(metric, out, [type](Summary::OfOne* one, uint64_t value) {
    if (type == "input") one->input_tokens += value;
    if (type == "output") one->output_tokens += value;
  });
}

void add_first_token(const prometheus::ClientMetric& metric, Summary* out) {
  const auto& buckets = metric.histogram.bucket;
  out->first_token_counts.resize(buckets.size());
  out->first_token_bounds.resize(buckets.empty() ? 0 : buckets.size() - 1);
  uint64_t below = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    out->first_token_counts[i] += buckets[i].cumulative_count - below;
    below = buckets[i].cumulative_count;
    if (i + 1 < buckets.size()) out->first_token_bounds[i] = buckets[i].upper_bound;
  }
  out->first_token_sum += metric.histogram.sample_sum;
}

}  // namespace

Metrics::Summary Metrics::summary() const {
  Summary out;
  out.connections = static_cast<uint64_t>(state_->connections->Value());
  for (const auto& family : state_->registry.Collect()) {
    for (const auto& metric : family.metric) {
      if (family.name == "culvert_requests_total") add_requests(metric, &out);
      if (family.name == "gen_ai_client_token_usage_total") add_tokens(metric, &out);
      if (family.name == "gen_ai_server_time_to_first_token_seconds") add_first_token(metric, &out);
    }
  }
  return out;
}

}  // namespace culvert
