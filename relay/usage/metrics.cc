// Families and their help texts. Bucket bounds follow OpenTelemetry's semantic conventions for
// generative AI (gen_ai.server.*), so that dashboards made for those fit.
#include "relay/usage/metrics.h"

#include "relay/usage/metrics_state.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <vector>

namespace culvert {
namespace {

using Bounds = prometheus::Histogram::BucketBoundaries;

const Bounds& request_seconds() {
  static const Bounds bounds{0.01, 0.02, 0.04, 0.08,  0.16,  0.32,  0.64,
                             1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
  return bounds;
}

const Bounds& token_seconds() {
  static const Bounds bounds{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                             0.25,  0.5,   0.75, 1.0,  2.5,  5.0,  7.5,  10.0};
  return bounds;
}

const Bounds& leg_seconds() {
  static const Bounds bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 10};
  return bounds;
}

prometheus::Counter& counter(prometheus::Registry& registry,
                             const char* name,
                             const char* help,
                             const prometheus::Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
}

prometheus::Histogram& histogram(prometheus::Registry& registry,
                                 const char* name,
                                 const char* help,
                                 const prometheus::Labels& labels,
                                 const Bounds& bounds) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(labels, bounds);
}

constexpr const char* kConnectionsName = "culvert_upstream_connections_total";
constexpr const char* kConnectionsHelp = "Requests by how they got their upstream connection.";
constexpr const char* kAttemptsName = "culvert_upstream_attempts_total";
constexpr const char* kAttemptsHelp = "Attempts at an upstream, by the way that they went.";
constexpr const char* kHandshakesName = "culvert_upstream_tls_handshakes_total";
constexpr const char* kHandshakesHelp = "TLS handshakes with upstreams.";
constexpr const char* kTokensName = "gen_ai_client_token_usage_total";
constexpr const char* kTokensHelp =
    "Tokens that upstreams reported; cached are part of input, reasoning part of output.";
constexpr const char* kEstimatedName = "culvert_tokens_estimated_total";
constexpr const char* kEstimatedHelp = "Tokens of requests that upstreams did not report in full.";
constexpr const char* kLegName = "culvert_leg_seconds";
constexpr const char* kLegHelp = "Time of each leg of making an upstream connection.";

}  // namespace

Metrics::Metrics(std::string_view version) : state_(std::make_unique<State>()) {
  auto& registry = state_->registry;
  const auto gauge = [&](const char* name, const char* help, const prometheus::Labels& labels) {
    return &prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
  };
  gauge("culvert_build_info", "The version that runs.", {{"version", std::string(version)}})
      ->Set(1);
  state_->connections = gauge("culvert_client_connections", "Open connections of clients.", {});
  state_->active = gauge("culvert_active_requests", "Requests that are being carried.", {});
  state_->ready = gauge("culvert_ready", "1 while the relay takes traffic.", {});
  state_->certificate_expiry =
      gauge("culvert_listener_certificate_expiry_timestamp_seconds",
            "When the first of the listeners' certificates ends; 0: none.", {});
  state_->lines_lost =
      gauge("culvert_access_log_lost_lines", "Lines dropped because their reader was slow.", {});
  state_->kept_streams =
      gauge("culvert_replay_streams", "Streams that are kept for clients that come back.", {});
  state_->kept_bytes = gauge("culvert_replay_bytes", "Bytes of the streams that are kept.", {});
  state_->spool_records =
      gauge("culvert_usage_spool_records", "Usage records that no service has acknowledged.", {});
  state_->spool_bytes = gauge("culvert_usage_spool_bytes", "Bytes of usage records on disk.", {});
  state_->spool_lost =
      gauge("culvert_usage_spool_lost_records", "Usage records that the disk could not take.", {});
}

Metrics::~Metrics() = default;

Metrics::OfUpstream& Metrics::upstream(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  auto& found = state_->upstreams[name];
  if (found == nullptr) found = std::make_unique<OfUpstream>(state_->registry, name);
  return *found;
}

void Metrics::count_refused(std::string_view reason) {
  counter(state_->registry, "culvert_refused_total",
          "Connections and requests refused because of a bound.", {{"reason", std::string(reason)}})
      .Increment();
}

void Metrics::add_connections(int change) { state_->connections->Increment(change); }

void Metrics::add_active_requests(int change) { state_->active->Increment(change); }

int64_t Metrics::active_requests() const { return static_cast<int64_t>(state_->active->Value()); }

void Metrics::count_key(const std::string& upstream,
                        const std::string& masked,
                        std::string_view result) {
  const std::lock_guard lock(state_->mutex);
  auto found = state_->keys.find(KeyLabels{upstream, masked, result});
  if (found == state_->keys.end()) {
    KeyCounter made{upstream, masked, std::string(result)};
    made.counter = &counter(state_->registry, "culvert_key_requests_total",
                            "Requests by the key that paid and how the upstream took it.",
                            {{"upstream", upstream}, {"key", masked}, {"result", made.result}});
    found = state_->keys.insert(std::move(made)).first;
  }
  found->counter->Increment();
}

void Metrics::set_ready(bool ready) { state_->ready->Set(ready ? 1 : 0); }

void Metrics::set_certificate_expiry(int64_t unix_seconds) {
  state_->certificate_expiry->Set(static_cast<double>(unix_seconds));
}

void Metrics::set_access_log_lost(uint64_t lines) {
  state_->lines_lost->Set(static_cast<double>(lines));
}

void Metrics::set_spool(uint64_t records, uint64_t bytes, uint64_t lost) {
  state_->spool_records->Set(static_cast<double>(records));
  state_->spool_bytes->Set(static_cast<double>(bytes));
  state_->spool_lost->Set(static_cast<double>(lost));
}

void Metrics::set_kept_streams(size_t streams, size_t bytes) {
  state_->kept_streams->Set(static_cast<double>(streams));
  state_->kept_bytes->Set(static_cast<double>(bytes));
}

void Metrics::count_replay_reader() {
  counter(state_->registry, "culvert_replay_readers_total",
          "Requests that read a kept stream on.", {})
      .Increment();
}

void Metrics::count_replay_refused(std::string_view reason) {
  counter(state_->registry, "culvert_replay_refused_total",
          "Streams that could not be kept, and requests for streams that could not be read.",
          {{"reason", std::string(reason)}})
      .Increment();
}

void Metrics::count_reload(bool accepted) {
  counter(state_->registry, "culvert_reloads_total", "Configuration reloads.",
          {{"result", accepted ? "accepted" : "refused"}})
      .Increment();
}

void Metrics::set_control(const Control& control) {
  const auto gauge = [&](const char* name, const char* help, double value) {
    prometheus::BuildGauge().Name(name).Help(help).Register(state_->registry).Add({}).Set(value);
  };
  gauge("culvert_control_connected", "1 while the control service is connected.",
        control.connected ? 1 : 0);
  gauge("culvert_control_config_from_cache",
        "1 while the control service's configuration is the kept one.", control.from_cache ? 1 : 0);
  gauge("culvert_control_config_stale",
        "1 while tokens and keys of the control service do not work, for it is away too long.",
        control.stale ? 1 : 0);
  gauge("culvert_control_config_age_seconds", "Time since the control service was there.",
        control.age_seconds);
  gauge("culvert_control_config_revision",
        "Revision of the control service's configuration that is here; 0: unknown.",
        static_cast<double>(control.revision));
  gauge("culvert_control_refused_items", "Items of the control service that this relay refuses.",
        static_cast<double>(control.refused_items));
  gauge("culvert_control_config_keep_failed",
        "1 while what runs of the control service could not be written to the disk.",
        control.keep_failed ? 1 : 0);
}

std::string Metrics::text(const HealthGauges& health) {
  auto families = state_->registry.Collect();
  for (auto& family : health_families(health)) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
}

Metrics::OfUpstream::OfUpstream(prometheus::Registry& registry, const std::string& name)
    : registry_(registry),
      name_(name),
      socket_attempts_(counter(
          registry, kAttemptsName, kAttemptsHelp, {{"upstream", name}, {"strategy", "socket"}})),
      fetch_attempts_(counter(
          registry, kAttemptsName, kAttemptsHelp, {{"upstream", name}, {"strategy", "fetch"}})),
      new_connections_(counter(
          registry, kConnectionsName, kConnectionsHelp, {{"upstream", name}, {"kind", "new"}})),
      reused_connections_(counter(
          registry, kConnectionsName, kConnectionsHelp, {{"upstream", name}, {"kind", "reused"}})),
      full_handshakes_(counter(
          registry, kHandshakesName, kHandshakesHelp, {{"upstream", name}, {"kind", "full"}})),
      resumed_handshakes_(counter(
          registry, kHandshakesName, kHandshakesHelp, {{"upstream", name}, {"kind", "resumed"}})),
      tokens_in_(
          counter(registry, kTokensName, kTokensHelp, {{"upstream", name}, {"type", "input"}})),
      tokens_out_(
          counter(registry, kTokensName, kTokensHelp, {{"upstream", name}, {"type", "output"}})),
      tokens_cached_(
          counter(registry, kTokensName, kTokensHelp, {{"upstream", name}, {"type", "cached"}})),
      tokens_reasoning_(
          counter(registry, kTokensName, kTokensHelp, {{"upstream", name}, {"type", "reasoning"}})),
      estimated_in_(counter(
          registry, kEstimatedName, kEstimatedHelp, {{"upstream", name}, {"type", "input"}})),
      estimated_out_(counter(
          registry, kEstimatedName, kEstimatedHelp, {{"upstream", name}, {"type", "output"}})),
      duration_(histogram(registry,
                          "gen_ai_server_request_duration_seconds",
                          "From a request's head to the end of its answer.",
                          {{"upstream", name}},
                          request_seconds())),
      first_token_(histogram(registry,
                             "gen_ai_server_time_to_first_token_seconds",
                             "From a request's head to its answer's first content.",
                             {{"upstream", name}},
                             token_seconds())),
      resolve_(histogram(
          registry, kLegName, kLegHelp, {{"upstream", name}, {"leg", "resolve"}}, leg_seconds())),
      connect_(histogram(
          registry, kLegName, kLegHelp, {{"upstream", name}, {"leg", "connect"}}, leg_seconds())),
      tls_(histogram(
          registry, kLegName, kLegHelp, {{"upstream", name}, {"leg", "tls"}}, leg_seconds())) {}

prometheus::Counter& Metrics::OfUpstream::requests(int status, Outcome outcome) {
  static constexpr const char* kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  const size_t status_class = status >= 100 && status < 600 ? static_cast<size_t>(status) / 100 : 0;
  const std::lock_guard lock(mutex_);
  auto*& found = requests_[status_class][static_cast<size_t>(outcome)];
  if (found == nullptr) {
    found = &counter(registry_, "culvert_requests_total",
                     "Requests by the answer's status and how they ended.",
                     {{"upstream", name_},
                      {"status_class", kClasses[status_class]},
                      {"outcome", std::string(to_string(outcome))}});
  }
  return *found;
}

void Metrics::OfUpstream::finished(const RequestRecord& record) {
  requests(record.status, record.outcome).Increment();
  duration_.Observe(record.total_ms / 1000);
  if (record.first_token_ms >= 0) first_token_.Observe(record.first_token_ms / 1000);
  if (record.resolve_ms >= 0) resolve_.Observe(record.resolve_ms / 1000);
  if (record.connect_ms >= 0) connect_.Observe(record.connect_ms / 1000);
  if (record.tls_ms >= 0) tls_.Observe(record.tls_ms / 1000);
  count_tokens(record);
  if (!record.last_cut.empty()) count_recovery(record);
  if (record.outcome == Outcome::kTruncated) {
    counter(registry_, "culvert_truncated_total",
            "Answers that began and could not be ended, by where they broke.",
            {{"upstream", name_}, {"stage", std::string(to_string(record.stage))}})
        .Increment();
  }
}

void Metrics::OfUpstream::count_tokens(const RequestRecord& record) {
  const auto add = [](prometheus::Counter& to, std::optional<uint64_t> tokens) {
    if (tokens) to.Increment(static_cast<double>(*tokens));
  };
  const bool estimated = record.usage == UsageClass::kEstimated;
  add(estimated ? estimated_in_ : tokens_in_, record.tokens_in);
  add(estimated ? estimated_out_ : tokens_out_, record.tokens_out);
  add(tokens_cached_, record.tokens_cached);
  add(tokens_reasoning_, record.tokens_reasoning);
}

// Streams that broke off at least once.
void Metrics::OfUpstream::count_recovery(const RequestRecord& record) {
  const auto count = [&](const char* name, const char* help, double by) {
    counter(registry_, name, help, {{"upstream", name_}}).Increment(by);
  };
  if (record.resumed > 0) {
    count("culvert_streams_resumed_total", "Streams that broke off and went on.", 1);
  }
  if (record.seam_removed > 0) {
    count("culvert_stream_seam_removed_characters_total",
          "Characters that models repeated where streams went on, and clients did not get.",
          static_cast<double>(record.seam_removed));
  }
  if (!record.gave_up.empty()) {
    counter(registry_, "culvert_stream_resume_gave_up_total",
            "Streams that broke off and were not taken up, or not any more, by reason.",
            {{"upstream", name_}, {"reason", record.gave_up}})
        .Increment();
  }
}

void Metrics::OfUpstream::resumes() {
  counter(registry_, "culvert_stream_resume_attempts_total",
          "Attempts at taking up streams that broke off.", {{"upstream", name_}})
      .Increment();
}

void Metrics::OfUpstream::attempted(std::string_view strategy) {
  (strategy == "fetch" ? fetch_attempts_ : socket_attempts_).Increment();
}

void Metrics::OfUpstream::tried_again(std::string_view where) {
  counter(registry_, "culvert_retries_total", "Further tries of requests, by what was changed.",
          {{"upstream", name_}, {"other", std::string(where)}})
      .Increment();
}

void Metrics::OfUpstream::connected(bool reused, bool tls, bool session_resumed) {
  (reused ? reused_connections_ : new_connections_).Increment();
  if (!reused && tls) (session_resumed ? resumed_handshakes_ : full_handshakes_).Increment();
}

}  // namespace culvert
