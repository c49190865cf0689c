// Heads of the relay's own answers.
#include "relay/flow/reply.h"

#include "relay/codec/error_body.h"

#include <fmt/format.h>

#include <utility>

namespace culvert {
namespace {

// Clients that are told to come again without a better time wait this long.
constexpr int64_t kRetryAfterSeconds = 1;

bool wants_retry_after(int status) { return status == 429 || status == 503; }

}  // namespace

LocalAnswer text_answer(int status, std::string_view type, std::string body, std::string_view id) {
  LocalAnswer answer;
  answer.head.status = status;
  answer.head.headers.add("Content-Type", type);
  answer.head.headers.add("X-Request-Id", id);
  answer.head.headers.add("Cache-Control", "no-store");
  answer.head.body = AnswerHead::Body::kLength;
  answer.head.content_length = body.size();
  answer.body = std::move(body);
  return answer;
}

LocalAnswer error_answer(
    const Error& error, Dialect dialect, std::string_view request_id, WallTime now, bool connect) {
  int status = http_status(error.code);
  if (connect && status == 401) status = 407;
  LocalAnswer answer = text_answer(status, "application/json",
                                   error_body(dialect, error, request_id, now), request_id);
  Headers& headers = answer.head.headers;
  headers.add("X-Proxy-Error", "true");
  if (error.stage != Stage::kNone) headers.add("X-Proxy-Stage", to_string(error.stage));
  if (wants_retry_after(status)) {
    const int64_t wait = error.retry_after >= 0 ? error.retry_after : kRetryAfterSeconds;
    headers.add("Retry-After", fmt::to_string(wait));
  }
  if (status == 401) headers.add("WWW-Authenticate", "Bearer realm=\"culvert\"");
  if (status == 407) {
    // A field for each: browsers read one challenge in a field, and none where another follows it.
    headers.add("Proxy-Authenticate", "Basic realm=\"culvert\"");
    headers.add("Proxy-Authenticate", "Bearer realm=\"culvert\"");
  }
  // Where the bytes that follow cannot be trusted to be a request, or should not be read.
  answer.head.close = error.code == Code::kBadRequest || error.code == Code::kRequestTimeout ||
                      error.code == Code::kOverloaded || error.code == Code::kBodyTooLarge ||
                      error.code == Code::kHeadTooLarge || error.code == Code::kTargetTooLong ||
                      error.code == Code::kVersionNotSupported || connect;
  return answer;
}

void send(ClientSide& client, LocalAnswer answer) {
  client.send_head(std::move(answer.head));
  client.send_body(answer.body);
  client.send_end({});
}

}  // namespace culvert
