// spdlog's asynchronous logger carries the lines.
#include "relay/usage/access_log.h"

#include "relay/base/json_writer.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace culvert {
namespace {

constexpr size_t kLinesQueued = 16 * 1024;  // about 8 MiB of lines

void time_field(JsonWriter& json, std::string_view name, double value_ms) {
  if (value_ms >= 0) json.field(name, value_ms);
}

void text_field(JsonWriter& json, std::string_view name, std::string_view text) {
  if (!text.empty()) json.field(name, text);
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kClientError:
      return "client_error";
    case Outcome::kUpstreamError:
      return "upstream_error";
    case Outcome::kRelayError:
      return "relay_error";
    case Outcome::kAborted:
      return "aborted";
    case Outcome::kTruncated:
      return "truncated";
  }
  return "relay_error";
}

Outcome outcome_of(Fault fault) {
  switch (fault) {
    case Fault::kClient:
      return Outcome::kClientError;
    case Fault::kUpstream:
      return Outcome::kUpstreamError;
    case Fault::kOurs:
      return Outcome::kRelayError;
  }
  return Outcome::kRelayError;
}

std::string_view to_string(UsageClass usage) {
  switch (usage) {
    case UsageClass::kDelivered:
      return "delivered";
    case UsageClass::kAborted:
      return "aborted";
    case UsageClass::kTruncated:
      return "truncated";
    case UsageClass::kEstimated:
      return "estimated";
    case UsageClass::kRefused:
      return "refused";
  }
  return "refused";
}

std::string to_json(const RequestRecord& record) {
  JsonWriter json;
  json.begin_object();
  json.field("time", rfc3339(record.time)).field("id", record.id);
  text_field(json, "client", record.client);
  text_field(json, "method", record.method);
  text_field(json, "mode", record.mode);
  text_field(json, "route", record.route);
  text_field(json, "upstream", record.upstream);
  text_field(json, "path", record.path);
  text_field(json, "key", record.key);
  text_field(json, "model", record.model);
  text_field(json, "tenant", record.tenant);
  text_field(json, "token_id", record.token_id);
  json.field("status", record.status).field("outcome", to_string(record.outcome));
  text_field(json, "stage", to_string(record.stage));
  text_field(json, "error", record.error);
  text_field(json, "close", record.close);
  json.field("bytes_in", record.bytes_in).field("bytes_out", record.bytes_out);
  if (record.tokens_in) json.field("tokens_in", *record.tokens_in);
  if (record.tokens_out) json.field("tokens_out", *record.tokens_out);
  if (record.tokens_cached) json.field("tokens_cached", *record.tokens_cached);
  if (record.tokens_reasoning) json.field("tokens_reasoning", *record.tokens_reasoning);
  if (record.usage) json.field("usage", to_string(*record.usage));
  text_field(json, "strategy", record.strategy);
  json.field("attempts", record.attempts).field("reused", record.reused);
  if (record.heartbeats > 0) json.field("heartbeats", record.heartbeats);
  if (record.resumed > 0) json.field("resumed", record.resumed);
  if (record.seam_removed > 0) json.field("seam_removed", record.seam_removed);
  text_field(json, "gave_up", record.gave_up);
  text_field(json, "last_cut", record.last_cut);
  text_field(json, "unknown_finish", record.unknown_finish);
  if (record.kept) json.field("kept", true).field("readers", record.readers);
  time_field(json, "left_ms", record.left_ms);
  time_field(json, "resolve_ms", record.resolve_ms);
  time_field(json, "connect_ms", record.connect_ms);
  time_field(json, "tls_ms", record.tls_ms);
  time_field(json, "first_byte_ms", record.first_byte_ms);
  time_field(json, "first_token_ms", record.first_token_ms);
  json.field("total_ms", record.total_ms);
  json.end_object();
  return json.take();
}

struct AccessLog::State {
  std::shared_ptr<spdlog::details::thread_pool> pool =
      std::make_shared<spdlog::details::thread_pool>(kLinesQueued, 1);
  std::shared_ptr<spdlog::async_logger> logger =
      std::make_shared<spdlog::async_logger>("access",
                                             std::make_shared<spdlog::sinks::stdout_sink_mt>(),
                                             pool,
                                             spdlog::async_overflow_policy::overrun_oldest);
};

AccessLog::AccessLog() : state_(std::make_unique<State>()) {
  state_->logger->set_pattern("%v");
  state_->logger->flush_on(spdlog::level::info);
}

AccessLog::~AccessLog() = default;

void AccessLog::write(const RequestRecord& record) {
  state_->logger->log(spdlog::level::info, "{}", to_json(record));
}

uint64_t AccessLog::lost() const { return state_->pool->overrun_counter(); }

}  // namespace culvert
