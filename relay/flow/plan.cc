// One function for each part of a plan.
#include "relay/flow/plan.h"

#include "relay/codec/encode.h"
#include "relay/gate/downstream_headers.h"
#include "relay/gate/upstream_headers.h"

#include <charconv>
#include <optional>
#include <utility>

namespace culvert {
namespace {

bool idempotent(std::string_view method) {  // RFC 9110 §9.2.2
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS";
}

ConnectPlan connect_plan(const Call& call) {
  ConnectPlan plan;
  plan.tls = call.target.tls();
  plan.host = call.target.host;
  plan.port = call.target.port;
  plan.server_name = call.target.host;
  plan.trust = call.asked.table.trust(call.heading.alias);
  const Upstream* upstream = call.heading.upstream;
  if (upstream == nullptr) {
    plan.policy = &call.asked.table.generic_policy();
  } else {
    if (!upstream->server_name.empty()) plan.server_name = upstream->server_name;
    plan.tls13_only = upstream->tls13_only;
    plan.far_tls = upstream->far_tls;
    plan.upstream = upstream->name;
    plan.egress_proxy = upstream->egress_proxy;
    if (upstream->isolate_tenants) plan.partition = call.heading.credentials.caller();
  }
  plan.peers = &call.asked.table.peers();
  plan.resolve_timeout = call.heading.timeouts.resolve;
  plan.connect_timeout = call.heading.timeouts.connect;
  plan.tls_timeout = call.heading.timeouts.tls;
  return plan;
}

UpstreamHeadersInput headers_input(const Call& call) {
  const RequestHead& request = call.asked.request;
  const std::string& method = request.method;
  const Route* route = call.asked.route;
  return {.client = request.headers,
          .authority = call.target.authority(),
          .upstream = call.heading.upstream,
          .route = route == nullptr ? nullptr : &route->header_rules,
          .generic_allow = &call.asked.table.settings().generic_headers,
          .credentials = call.heading.credentials,
          .payer = call.heading.payer,
          .key = call.key,
          .framing = request.framing,
          .content_length = request.content_length + static_cast<uint64_t>(call.growth),
          .wants_length = method == "POST" || method == "PUT" || method == "PATCH",
          .tokens = call.asked.table.tokens()};
}

ExchangeOptions exchange_options(const Call& call) {
  const RequestHead& request = call.asked.request;
  return {.head_request = request.method == "HEAD",
          .idempotent = idempotent(request.method),
          .chunked_body = request.framing == BodyFraming::kChunked,
          .upgrade = call.asked.ws != nullptr,
          .first_byte = call.heading.timeouts.first_byte,
          .idle = call.heading.timeouts.idle};
}

}  // namespace

AttemptPlan plan_of(const Call& call) {
  UpstreamHeadersInput input = headers_input(call);
  std::optional<WsOpening> opening;
  if (call.asked.ws != nullptr) opening.emplace(WsOpening{call.ws_key, call.asked.ws->protocols});
  if (opening) input.ws = &*opening;
  std::string path = join_path(call.target.path, call.heading.path);
  return {.exchange = {.connect = connect_plan(call),
                       .head = encode_request_head(call.asked.request.method,
                                                   upstream_target(input, std::move(path)),
                                                   upstream_headers(input)),
                       .options = exchange_options(call)},
          .upstream = call.heading.alias,
          .ws_protocols = ws_protocols_up(input)};
}

void set_way(const Strategy& strategy, const Exit& exit, AttemptPlan* plan) {
  plan->strategy = strategy;
  if (!exit.via.empty()) plan->strategy = Strategy::via(exit.via);
  if (exit.address && strategy.is_via()) plan->strategy = Strategy::kSocket;
  ConnectPlan& connect = plan->exchange.connect;
  connect.bind = exit.address;
  if (plan->strategy.is_via()) connect.via = plan->strategy.region();
}

AnswerHead answer_head(const ResponseHead& head, bool generic, std::string_view request_id) {
  AnswerHead down;
  down.status = head.status;
  down.reason = head.reason;
  down.headers = downstream_headers(head.headers, generic, request_id);
  switch (head.framing) {
    case BodyFraming::kLength:
      down.body = AnswerHead::Body::kLength;
      down.content_length = head.content_length;
      break;
    case BodyFraming::kChunked:
    case BodyFraming::kUntilClose:
      down.body = AnswerHead::Body::kUnknown;
      break;
    case BodyFraming::kNone:
      if (const auto length = head.headers.find("content-length"); length && head.status != 204) {
        down.tell_length = true;
        std::from_chars(length->data(), length->data() + length->size(), down.content_length);
      }
      break;
  }
  return down;
}

}  // namespace culvert
