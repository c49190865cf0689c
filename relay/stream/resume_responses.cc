// See resume_responses.h.
#include "relay/stream/resume_responses.h"

#include "relay/base/limits.h"
#include "relay/codec/characters.h"
#include "relay/codec/json_slice.h"

#include <algorithm>
#include <array>
#include <optional>

namespace culvert {
namespace {

using End = StreamReading::End;

constexpr size_t kIdBytes = 200;

// It goes into a path: what could change the path is no id.
bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= kIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_digit_byte(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '_' || c == '-';
         });
}

bool is_true(JsonSlice root, std::string_view name) {
  const auto found = root.find(name);
  return found && found->is_true();
}

std::optional<uint64_t> sequence_of(const SseEvent& event) {
  const auto number = JsonSlice(event.data).find("sequence_number");
  return number ? number->count() : std::nullopt;
}

bool begins_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

End end_of_error(JsonSlice root) {
  std::string code = text_member(root, "code");
  if (code.empty()) code = text_member(root.find("error"), "code");
  const bool passes = code == "server_error" || code == "rate_limit_exceeded";
  return passes ? End::kError : End::kRefusal;
}

}  // namespace

ResponsesResume::ResponsesResume(std::string_view request_body) : ResumeDialect(Dialect::kOpenAi) {
  if (!is_json(request_body)) {
    why_never_ = "the request is no JSON";
  } else if (!is_true(JsonSlice(request_body), "background")) {
    why_not_continued_ = "the response does not run in the background";
  }
}

void ResponsesResume::read_event(const SseEvent& event, StreamReading* out) {
  const JsonSlice root(event.data);
  std::array<JsonMember, 3> members{{{"type"}, {"response"}, {"delta"}}};
  const bool whole = root.pick(members).whole || (root.is_object() && root.is_whole());
  const auto& [type_too, response, delta] = members;
  if (!whole) {
    out->end = End::kGarbled;
    return;
  }
  std::string own;  // the type of data that came without an event's name
  if (event.type.empty() && type_too.value) type_too.value->append_string(&own);
  const std::string_view type = event.type.empty() ? std::string_view(own) : event.type;
  if (const auto usage = find(response.value, "usage")) usage_.told(usage->text());
  if (type == "error") {
    out->end = end_of_error(root);
    out->why = text_member(root, "code");
  } else if (type == "response.completed" || type == "response.incomplete" ||
             type == "response.failed" || type == "response.cancelled") {
    out->end = End::kFinal;
    out->why = type;
    out->last = true;
  } else if (type == "response.output_text.delta") {
    if (delta.value) delta.value->append_string(&out->text);
  } else if (begins_with(type, "response.reasoning")) {
    out->thought = true;
  } else {
    // Only where the upstream does not go on itself: what began an item cannot be taken back.
    out->opening =
        type == "response.created" || type == "response.in_progress" || type == "response.queued";
    out->fixed = !out->opening;
  }
}

StreamWriting ResponsesResume::write(const SseEvent& event,
                                     const StreamReading&,
                                     const StreamChange&) {
  const auto number = sequence_of(event);
  if (exact() && number && reached_ && *number <= *reached_) return {StreamWriting::How::kNot, {}};
  return {};
}

void ResponsesResume::delivered(const SseEvent& event, const StreamReading&, size_t, size_t) {
  if (const auto number = sequence_of(event)) reached_ = number;
  if (!id_.empty()) return;
  const std::string id = text_member(JsonSlice(event.data).find("response"), "id");
  if (is_id(id)) id_ = id;
}

Result<ResumeRequest> ResponsesResume::next(std::string_view, const ResumeState&) const {
  ResumeRequest out;
  if (!exact() || !reached_) return out;
  if (id_.empty()) {
    return Error::ours(Code::kInternal, Stage::kBody, "the response has no id to go on with");
  }
  out.kind = ResumeRequest::Kind::kFetch;
  out.path = "/" + id_ + "?stream=true&starting_after=" + std::to_string(*reached_);
  out.same_key = true;
  return out;
}

}  // namespace culvert
