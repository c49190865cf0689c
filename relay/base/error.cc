// Words and statuses of errors, in one table so that none is forgotten.
#include "relay/base/error.h"

namespace culvert {
namespace {

struct CodeRow {
  std::string_view word;
  int status;
};

CodeRow row(Code code) {
  switch (code) {
    case Code::kBadRequest:
      return {"bad_request", 400};
    case Code::kUnauthorized:
      return {"unauthorized", 401};
    case Code::kForbidden:
      return {"forbidden", 403};
    case Code::kNotFound:
      return {"not_found", 404};
    case Code::kMethodNotAllowed:
      return {"method_not_allowed", 405};
    case Code::kRequestTimeout:
      return {"request_timeout", 408};
    case Code::kBodyTooLarge:
      return {"body_too_large", 413};
    case Code::kTargetTooLong:
      return {"target_too_long", 414};
    case Code::kHeadTooLarge:
      return {"head_too_large", 431};
    case Code::kExpectationFailed:
      return {"expectation_failed", 417};
    case Code::kNotImplemented:
      return {"not_implemented", 501};
    case Code::kVersionNotSupported:
      return {"version_not_supported", 505};
    case Code::kRateLimited:
      return {"rate_limited", 429};
    case Code::kKeysRateLimited:
      return {"keys_rate_limited", 429};
    case Code::kKeysUnavailable:
      return {"keys_unavailable", 503};
    case Code::kOverloaded:
      return {"overloaded", 503};
    case Code::kDraining:
      return {"draining", 503};
    case Code::kResolveFailed:
      return {"resolve_failed", 502};
    case Code::kConnectFailed:
      return {"connect_failed", 502};
    case Code::kTlsFailed:
      return {"tls_failed", 502};
    case Code::kBadAnswer:
      return {"bad_answer", 502};
    case Code::kUpstreamClosed:
      return {"upstream_closed", 502};
    case Code::kConnectTimeout:
      return {"connect_timeout", 504};
    case Code::kFirstByteTimeout:
      return {"first_byte_timeout", 504};
    case Code::kIdleTimeout:
      return {"idle_timeout", 504};
    case Code::kTotalTimeout:
      return {"total_timeout", 504};
    case Code::kClientGone:
      return {"client_gone", 499};
    case Code::kOutOfMemory:
      return {"out_of_memory", 503};
    case Code::kConflict:
      return {"conflict", 409};
    case Code::kPrecondition:
      return {"precondition", 412};
    case Code::kNotKept:
      return {"not_kept", 410};
    case Code::kLoop:
      return {"loop", 508};
    case Code::kInternal:
      return {"internal", 500};
    case Code::kInvalidConfig:
      return {"invalid_config", 500};
    case Code::kSystem:
      return {"system", 500};
  }
  return {"internal", 500};
}

}  // namespace

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::kClient:
      return "client";
    case Fault::kUpstream:
      return "upstream";
    case Fault::kOurs:
      return "relay";
  }
  return "relay";
}

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::kNone:
      return "";
    case Stage::kRequest:
      return "request";
    case Stage::kAuth:
      return "auth";
    case Stage::kRoute:
      return "route";
    case Stage::kLimit:
      return "limit";
    case Stage::kResolve:
      return "resolve";
    case Stage::kConnect:
      return "connect";
    case Stage::kTls:
      return "tls";
    case Stage::kSend:
      return "send";
    case Stage::kFirstByte:
      return "first_byte";
    case Stage::kBody:
      return "body";
  }
  return "";
}

std::string_view to_string(Code code) { return row(code).word; }

int http_status(Code code) { return row(code).status; }

}  // namespace culvert
