// The forms that the vendors document for their errors, read by their SDKs. The SDKs choose the
// exception by the status; the words inside are what their users' programs compare.
#include "relay/codec/error_body.h"

#include "relay/base/json_writer.h"

namespace culvert {
namespace {

std::string_view openai_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    case 408:
    case 504:
      return "timeout_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

// google.rpc.Code by the mapping that Google documents for HTTP.
std::string_view google_status(int status) {
  switch (status) {
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "NOT_FOUND";
    case 429:
      return "RESOURCE_EXHAUSTED";
    case 499:
      return "CANCELLED";
    case 500:
      return "INTERNAL";
    case 501:
      return "UNIMPLEMENTED";
    case 502:
    case 503:
      return "UNAVAILABLE";
    case 408:
    case 504:
      return "DEADLINE_EXCEEDED";
    default:
      return status > 500 ? "INTERNAL" : "INVALID_ARGUMENT";
  }
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return out;
}

void add_stage(JsonWriter* json, const Error& error) {
  if (error.stage != Stage::kNone) json->field("stage", to_string(error.stage));
}

std::string openai_body(const Error& error, std::string_view request_id) {
  JsonWriter json;
  json.begin_object().key("error").begin_object();
  json.field("message", error_message(error));
  json.field("type", openai_type(http_status(error.code)));
  json.key("param").null();
  json.field("code", to_string(error.code));
  add_stage(&json, error);
  json.field("request_id", request_id);
  return json.end_object().end_object().take();
}

std::string anthropic_body(const Error& error, std::string_view request_id) {
  JsonWriter json;
  json.begin_object().field("type", "error").key("error").begin_object();
  json.field("type", anthropic_type(http_status(error.code)));
  json.field("message", error_message(error));
  json.field("code", to_string(error.code));
  add_stage(&json, error);
  json.end_object();
  json.field("request_id", request_id);
  return json.end_object().take();
}

std::string gemini_body(const Error& error, std::string_view request_id) {
  JsonWriter json;
  json.begin_object().key("error").begin_object();
  json.field("code", http_status(error.code));
  json.field("message", error_message(error));
  json.field("status", google_status(http_status(error.code)));
  json.key("details").begin_array().begin_object();
  json.field("@type", "type.googleapis.com/google.rpc.ErrorInfo");
  json.field("reason", upper(to_string(error.code)));
  json.field("domain", "culvert");
  json.key("metadata").begin_object();
  add_stage(&json, error);
  json.end_object().end_object().begin_object();
  json.field("@type", "type.googleapis.com/google.rpc.RequestInfo");
  json.field("requestId", request_id).end_object();
  if (error.retry_after >= 0) {
    json.begin_object().field("@type", "type.googleapis.com/google.rpc.RetryInfo");
    json.field("retryDelay", std::to_string(error.retry_after) + "s").end_object();
  }
  return json.end_array().end_object().end_object().take();
}

std::string own_body(const Error& error, std::string_view request_id, WallTime now) {
  JsonWriter json;
  json.begin_object().key("error").begin_object();
  json.field("code", to_string(error.code));
  json.field("message", error_message(error));
  json.field("type", std::string(to_string(error.fault)) + "_error");
  json.field("timestamp", rfc3339(now));
  json.field("request_id", request_id);
  add_stage(&json, error);
  return json.end_object().end_object().take();
}

std::string_view general_sentence(Code code) {
  switch (code) {
    case Code::kOutOfMemory:
    case Code::kOverloaded:
      return "the relay has no room for this request now";
    case Code::kDraining:
      return "the relay is shutting down";
    case Code::kKeysRateLimited:
      return "every key of this upstream is rate-limited now";
    case Code::kKeysUnavailable:
      return "no key of this upstream can be used now";
    case Code::kNotFound:
      return "there is nothing at this path";
    case Code::kUnauthorized:
      return "a relay token is needed";
    case Code::kInternal:
      return "the relay failed";
    default:
      return {};
  }
}

}  // namespace

std::string error_message(const Error& error) {
  if (!error.detail.empty()) return error.detail;
  if (const auto sentence = general_sentence(error.code); !sentence.empty()) {
    return std::string(sentence);
  }
  std::string words(to_string(error.code));
  for (char& c : words) c = c == '_' ? ' ' : c;
  return words;
}

std::string error_body(Dialect dialect,
                       const Error& error,
                       std::string_view request_id,
                       WallTime now) {
  switch (dialect) {
    case Dialect::kOpenAi:
      return openai_body(error, request_id);
    case Dialect::kAnthropic:
      return anthropic_body(error, request_id);
    case Dialect::kGemini:
      return gemini_body(error, request_id);
    case Dialect::kOpaque:
      break;
  }
  return own_body(error, request_id, now);
}

// Google's SDK only looks at events that begin with "data:", and OpenAI's throws on any data with
// an "error" in it, so those two get no name; Anthropic's throws on the name.
std::string error_event(Dialect dialect,
                        const Error& error,
                        std::string_view request_id,
                        WallTime now) {
  const bool named = dialect == Dialect::kAnthropic || dialect == Dialect::kOpaque;
  return (named ? "event: error\ndata: " : "data: ") + error_body(dialect, error, request_id, now) +
         "\n\n";
}

}  // namespace culvert
