// What each dialect's events say. A word is looked for before an event is parsed, so that a stream
// of text costs a search per event and no more.
#include "relay/codec/stream_end.h"

#include "relay/base/text.h"
#include "relay/codec/document.h"
#include "relay/codec/json_slice.h"

#include <array>

namespace culvert {
namespace {

using simdjson::dom::element;

bool has(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// A member of a delta that is more than a role: not null, and not an empty string or array.
bool carries(element value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return !text.empty();
  if (value.is_array()) return !elements_of(value).empty();
  return !value.is_null() && !value.is_bool();
}

bool chat_content(element root) {
  for (const element& choice : elements_of(member(root, "choices"))) {
    if (!text_of(member(choice, "text")).value_or("").empty()) return true;
    simdjson::dom::object delta;
    const auto found = member(choice, "delta");
    if (!found || found->get(delta) != simdjson::SUCCESS) continue;
    for (const auto field : delta) {
      if (field.key != "role" && carries(field.value)) return true;
    }
  }
  return false;
}

bool gemini_content(element root) {
  for (const element& candidate : elements_of(member(root, "candidates"))) {
    for (const element& part : elements_of(member(member(candidate, "content"), "parts"))) {
      simdjson::dom::object fields;
      if (part.get(fields) != simdjson::SUCCESS) continue;
      for (const auto field : fields) {
        if (field.key != "thought" && carries(field.value)) return true;
      }
    }
  }
  return false;
}

bool gemini_finished(element root) {
  if (member(member(root, "promptFeedback"), "blockReason")) return true;
  for (const element& candidate : elements_of(member(root, "candidates"))) {
    if (member(candidate, "finishReason")) return true;
  }
  return false;
}

constexpr std::array<std::string_view, 8> kOpenAiEnds = {
    "response.completed",   "response.failed",
    "response.incomplete",  "image_generation.completed",
    "image_edit.completed", "speech.audio.done",
    "transcript.text.done", "done"};
constexpr std::array<std::string_view, 5> kOpenAiFamilies = {
    "response.", "image_generation.", "image_edit.", "speech.audio.", "transcript.text."};

// The event's name, or the "type" of data that comes without one; lives as long as both.
std::string_view type_of(const SseEvent& event, const std::optional<element>& root) {
  if (!event.type.empty()) return event.type;
  return text_of(member(root, "type")).value_or("");
}

}  // namespace

void StreamEnd::see(const SseEvent& event) {
  events_ = true;
  switch (dialect_) {
    case Dialect::kOpaque:
      return;
    case Dialect::kOpenAi:
      return see_openai(event);
    case Dialect::kAnthropic:
      return see_anthropic(event);
    case Dialect::kGemini:
      return see_gemini(event);
  }
}

bool StreamEnd::complete() const {
  if (dialect_ == Dialect::kOpaque) return true;
  if (errored_ && !failed_) return false;
  return marked_ || (events_ && !own_form_);
}

void StreamEnd::take(const Usage& told) {
  if (told.output) ++outputs_told_;
  usage_.merge(told);
}

void StreamEnd::see_openai(const SseEvent& event) {
  if (trim(event.data) == "[DONE]") {
    marked_ = own_form_ = true;
    return;
  }
  const bool chat = has(event.data, "\"choices\"");
  own_form_ = own_form_ || chat;
  // Where it was asked for, every event has it, and but for the last it is null.
  const bool usage = has(event.data, "\"usage\"") && !has(event.data, "\"usage\":null");
  const bool parse = (chat && !content_seen_) || (!chat && event.type.empty()) ||
                     has(event.data, "\"error\"") || usage;
  std::optional<Document> document;
  if (parse) document.emplace(event.data);
  const std::optional<element> root = document ? document->root() : std::nullopt;
  if (root && chat && chat_content(*root)) content_seen_ = true;
  if (usage) take(usage_of(dialect_, event.data));

  const std::string_view type = type_of(event, root);
  for (const std::string_view end : kOpenAiEnds) marked_ = marked_ || type == end;
  for (const std::string_view family : kOpenAiFamilies) {
    own_form_ = own_form_ || type.substr(0, family.size()) == family;
  }
  content_seen_ = content_seen_ || ends_with(type, ".delta") || has(type, "partial_image");
  failed_ = failed_ || type == "response.failed";
  errored_ = errored_ || type == "error" || type == "response.failed" || member(root, "error");
}

void StreamEnd::see_anthropic(const SseEvent& event) {
  std::optional<Document> document;
  if (event.type.empty()) document.emplace(event.data);
  const std::string_view type = type_of(event, document ? document->root() : std::nullopt);
  const bool start = type == "message_start";
  const bool block = type == "content_block_start";
  const bool delta = type == "content_block_delta";
  own_form_ = own_form_ || start || block || delta || type == "message_delta" || type == "ping" ||
              type == "message_stop";
  content_seen_ = content_seen_ || delta || (block && has(event.data, "tool_use"));
  if (start || type == "message_delta") take(usage_of(dialect_, event.data));
  marked_ = marked_ || type == "message_stop";
  errored_ = errored_ || type == "error";
}

void StreamEnd::see_gemini(const SseEvent& event) {
  std::array<JsonMember, 4> members{
      {{"candidates"}, {"promptFeedback"}, {"usageMetadata"}, {"error"}}};
  const bool whole = JsonSlice(event.data).pick(members).whole;
  const auto& [candidates, feedback, usage, error] = members;
  const bool finish =
      feedback.value || (candidates.value && has(candidates.value->text(), "\"finishReason\""));
  own_form_ = own_form_ || finish || has(event.data, "\"candidates\"") ||
              has(event.data, "\"usageMetadata\"");
  Usage told;
  if (usage.value && whole) told = usage_of_object(dialect_, *usage.value);
  if (told.output) usage_.output.reset();  // the last word counts, also where it is smaller
  take(told);
  if (!finish && !error.value && (!candidates.value || content_seen_)) return;
  const Document document(event.data);
  const auto root = document.root();
  if (!root) return;
  content_seen_ = content_seen_ || gemini_content(*root);
  marked_ = marked_ || gemini_finished(*root);
  errored_ = errored_ || member(root, "error");
}

}  // namespace culvert
