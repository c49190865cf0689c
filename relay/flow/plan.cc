// One function for each part of a plan.
#include "relay/flow/plan.h"

#include "relay/codec/encode.h"
#include "relay/gate/downstream_headers.h"
#include "relay/gate/upstream_headers.h"

#include <cstdlib>

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
  plan.trust = call.table.trust(call.alias);
  if (call.upstream == nullptr) {
    plan.policy = &call.table.generic_policy();
  } else {
    if (!call.upstream->server_name.empty()) plan.server_name = call.upstream->server_name;
    plan.tls13_only = call.upstream->tls13_only;
    plan.egress_proxy = call.upstream->egress_proxy;
    if (call.upstream->isolate_tenants) plan.partition = call.credentials.caller;
  }
  plan.resolve_timeout = call.timeouts.resolve;
  plan.connect_timeout = call.timeouts.connect;
  plan.tls_timeout = call.timeouts.tls;
  return plan;
}

std::string request_head(const Call& call) {
  const std::string& method = call.request.method;
  const UpstreamHeadersInput input{
      .client = call.request.headers,
      .authority = call.target.authority(),
      .upstream = call.upstream,
      .route = call.route == nullptr ? nullptr : &call.route->header_rules,
      .generic_allow = &call.table.settings().generic_headers,
      .credentials = call.credentials,
      .payer = call.payer,
      .key = call.key,
      .framing = call.request.framing,
      .content_length = call.request.content_length,
      .wants_length = method == "POST" || method == "PUT" || method == "PATCH",
      .tokens = call.table.tokens()};
  return encode_request_head(method, upstream_target(input, call.path), upstream_headers(input));
}

}  // namespace

AttemptPlan plan_of(const Call& call) {
  return {.connect = connect_plan(call),
          .head = request_head(call),
          .exchange = {.head_request = call.request.method == "HEAD",
                       .idempotent = idempotent(call.request.method),
                       .chunked_body = call.request.framing == BodyFraming::kChunked,
                       .first_byte = call.timeouts.first_byte,
                       .idle = call.timeouts.idle},
          .upstream = call.alias};
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
      if (const std::string* length = head.headers.find("content-length");
          length != nullptr && head.status != 204) {
        down.tell_length = true;
        down.content_length = std::strtoull(length->c_str(), nullptr, 10);
      }
      break;
  }
  return down;
}

}  // namespace culvert
