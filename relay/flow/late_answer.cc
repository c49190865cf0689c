// See late_answer.h.
#include "relay/flow/late_answer.h"

#include "relay/codec/error_body.h"
#include "relay/codec/json_slice.h"
#include "relay/codec/sse_blocks.h"

namespace culvert {
namespace {

constexpr size_t kErrorBody = 64 * 1024;  // vendors say what is wrong in far less

}  // namespace

bool LateAnswer::see(std::string_view bytes) {
  body_.append(bytes.substr(0, kErrorBody + 1 - body_.size()));
  return status_ >= 400 && body_.size() <= kErrorBody;
}

Error LateAnswer::error() const {
  return Error::upstream(Code::kBadAnswer, Stage::kFirstByte, Retry::kNever,
                         "the upstream answered with status " + std::to_string(status_) +
                             " and no event stream, after heartbeats had begun");
}

// All vendors write an error as an object with a member `error`, in a stream as elsewhere.
std::string LateAnswer::event(Dialect dialect, std::string_view request_id, WallTime now) const {
  const bool whole = body_.size() <= kErrorBody && is_json(body_);
  if (status_ < 400 || !whole || !JsonSlice(body_).find("error")) {
    return error_event(dialect, error(), request_id, now);
  }
  return sse_text(dialect == Dialect::kAnthropic ? "error" : "", JsonSlice(body_).text(), "\n");
}

}  // namespace culvert
