// See resume_chat.h.
#include "relay/stream/resume_chat.h"

#include "relay/base/limits.h"
#include "relay/base/text.h"
#include "relay/codec/json_slice.h"

#include <algorithm>
#include <array>
#include <optional>

namespace culvert {
namespace {

using End = StreamReading::End;

constexpr std::string_view kText = "content";
constexpr std::string_view kThoughts[] = {"reasoning_content", "reasoning", "reasoning_details"};

bool says_something(JsonSlice value) {
  return value.text() != "null" && value.text() != "\"\"" && value.text() != "[]";
}

bool is_thought(std::string_view name) {
  return std::find(std::begin(kThoughts), std::end(kThoughts), name) != std::end(kThoughts);
}

std::optional<JsonSlice> only_choice(JsonSlice root) {
  const auto choices = root.find("choices");
  if (!choices) return std::nullopt;
  const auto list = choices->elements();
  if (list.empty()) return std::nullopt;
  return list.front();
}

void read_delta(JsonSlice delta, StreamReading* out) {
  for (const auto& [name, value] : delta.members()) {
    if (!says_something(value)) continue;
    if (name == kText && value.is_string()) {
      out->text = value.string().value_or("");
    } else if (is_thought(name)) {
      out->thought = true;
    } else if (name != "role") {
      out->fixed = true;  // a tool's call, a refusal, audio
    }
  }
}

// Most deltas have a text and at most a role.
void read_usual_delta(JsonSlice delta, StreamReading* out) {
  std::array<JsonMember, 2> members{{{kText}, {"role"}}};
  const bool others = delta.pick(members).others;
  const auto& text = members.front().value;
  if (others || !text || !text->is_string()) return read_delta(delta, out);
  text->append_string(&out->text);
}

std::string changed_delta(JsonSlice delta,
                          const StreamReading& reading,
                          const StreamChange& change) {
  std::string out(delta.text());
  if (change.drop > 0) {
    out = with_member(out, kText, json_literal(std::string_view(reading.text).substr(change.drop)));
  }
  for (const std::string_view name : kThoughts) {
    if (!change.thoughts && delta.find(name)) out = with_member(out, name, "null");
  }
  return out;
}

void read_choice(JsonSlice choice, StreamReading* out) {
  std::array<JsonMember, 3> members{{{"index"}, {"delta"}, {"finish_reason"}}};
  choice.pick(members);
  const auto& [index, delta, reason] = members;
  out->several = index.value && index.value->text() != "0";
  if (delta.value) read_usual_delta(*delta.value, out);
  if (reason.value) reason.value->append_string(&out->why);
  if (!out->why.empty()) out->end = out->why == "stop" ? End::kStop : End::kFinal;
  out->opening = out->end == End::kNone && out->text.empty() && !out->thought && !out->fixed;
}

// Vendors put a status there, OpenAI itself a word.
End end_of_error(JsonSlice error) {
  const auto code = find(error, "code");
  const std::string word = text_member(error, "type") + " " + text_member(error, "code");
  for (const std::string_view passing : {"server_error", "overloaded", "rate_limit", "timeout",
                                         "unavailable", "500", "502", "503", "504", "429"}) {
    if (word.find(passing) != std::string::npos) return End::kError;
  }
  const uint64_t status = code ? code->count().value_or(0) : 0;
  return status == 429 || status >= 500 ? End::kError : End::kRefusal;
}

bool asks_for_json(JsonSlice root) {
  const auto format = root.find("response_format");
  const std::string type = text_member(format, "type");
  return !type.empty() && type != "text";
}

bool forces_tools(JsonSlice root) {
  const auto choice = root.find("tool_choice");
  if (!choice) return false;
  const std::string word = choice->string().value_or("required");
  return word != "auto" && word != "none";
}

bool asks_for_several(JsonSlice root) {
  const auto n = root.find("n");
  return n && n->count().value_or(1) > 1;
}

}  // namespace

std::string_view why_no_turn(std::string_view body) {
  const JsonSlice root(body);
  const auto messages = root.find("messages");
  if (!messages || !messages->is_array()) return "the request has no list of messages";
  int times = 0;
  for (const auto& [name, value] : root.members()) times += name == "messages" ? 1 : 0;
  if (times > 1) return "the request has messages twice";
  const auto list = messages->elements();
  if (!list.empty() && text_member(list.back(), "role") == "assistant") {
    return "the request has the answer's beginning already";
  }
  if (asks_for_json(root)) return "JSON was asked for";
  if (forces_tools(root)) return "a tool's call was asked for";
  return {};
}

ChatResume::ChatResume(std::string_view request_body, Continuation continuation)
    : ResumeDialect(Dialect::kOpenAi), continuation_(continuation) {
  if (!is_json(request_body)) {
    why_never_ = "the request is no JSON";
  } else if (asks_for_several(JsonSlice(request_body))) {
    why_never_ = "several choices were asked for";
  } else {
    why_not_continued_ = why_no_turn(request_body);
  }
}

void ChatResume::read_event(const SseEvent& event, StreamReading* out) {
  const JsonSlice root(event.data);
  if (root.text() == "[DONE]") {
    out->end = End::kStop;  // where no choice said so before
    out->closing = out->last = true;
    return;
  }
  std::array<JsonMember, 4> members{{{"error"}, {"usage"}, {"choices"}, {"id"}}};
  const bool whole = root.pick(members).whole || (root.is_object() && root.is_whole());
  const auto& [error, usage, choices, id] = members;
  if (!whole) {
    out->end = End::kGarbled;
    return;
  }
  if (error.value) {
    out->end = end_of_error(*error.value);
    out->why = text_member(error.value, "type");
    return;
  }
  out->noted = id.value && id_.empty();
  if (usage.value) usage_.told(usage.value->text());
  size_t place = 0;
  const auto choice = choices.value ? choices.value->next(&place) : std::nullopt;
  if (!choice) {
    out->closing = usage.value.has_value();
    return;
  }
  read_choice(*choice, out);
  out->several = out->several || choices.value->next(&place);
}

StreamWriting ChatResume::write(const SseEvent& event,
                                const StreamReading& reading,
                                const StreamChange& change) {
  if (reading.last) return {};
  const bool silent = reading.text.size() == change.drop && !reading.fixed;
  if (reading.end == End::kNone && !reading.closing && silent &&
      (!reading.thought || !change.thoughts)) {
    return {StreamWriting::How::kNot, {}};
  }
  std::string data(event.data);
  const auto choice = only_choice(JsonSlice(event.data));
  const auto delta = choice ? choice->find("delta") : std::nullopt;
  if (delta) {
    data = replaced(event.data, delta->text(), changed_delta(*delta, reading, change));
  }
  const JsonSlice root(event.data);
  if (!id_.empty() && root.find("id")) data = with_member(data, "id", id_);
  const bool counts = reading.end != End::kNone || reading.closing;
  if (counts && root.find("usage") && usage_.any_lost()) {
    data = with_member(data, "usage", usage_.of_all());
  }
  if (data == event.data) return {};
  return {StreamWriting::How::kAs, std::move(data)};
}

void ChatResume::delivered(const SseEvent& event, const StreamReading& reading, size_t, size_t) {
  marked_ = marked_ || reading.last;
  if (!reading.noted || !id_.empty()) return;
  if (const auto id = JsonSlice(event.data).find("id")) id_ = id->text();
}

Result<ResumeRequest> ChatResume::next(std::string_view body, const ResumeState& state) const {
  ResumeRequest out;
  if (state.text.empty()) return out;
  out.kind = ResumeRequest::Kind::kContinuation;
  std::string turns = R"({"role":"assistant","content":)" + json_literal(state.text);
  if (continuation_ == Continuation::kPrefix) turns += R"(,"prefix":true)";
  turns += '}';
  if (continuation_ == Continuation::kPrompt) {
    turns += R"(,{"role":"user","content":)" + json_literal(state.prompt) + '}';
  }
  out.body = CULVERT_TRY(with_turns(body, "messages", turns));
  if (continuation_ == Continuation::kFinalMessage) {
    out.body = with_member(out.body, "continue_final_message", "true");
    out.body = with_member(out.body, "add_generation_prompt", "false");
  }
  return out;
}

}  // namespace culvert
