// See resume_anthropic.h.
#include "relay/stream/resume_anthropic.h"

#include "relay/base/limits.h"
#include "relay/codec/json_slice.h"

#include <algorithm>
#include <array>
#include <utility>

namespace culvert {
namespace {

using End = StreamReading::End;

constexpr size_t kBlocksMost = 1024;  // of one attempt; answers have a dozen

std::string type_of(const SseEvent& event) {
  if (!event.type.empty()) return std::string(event.type);
  return text_member(JsonSlice(event.data), "type");
}

std::optional<uint64_t> index_of(const SseEvent& event) {
  const auto index = JsonSlice(event.data).find("index");
  return index ? index->count() : std::nullopt;
}

bool is_text_block(const SseEvent& event) {
  return text_member(JsonSlice(event.data).find("content_block"), "type") == "text";
}

End end_of_error(std::string_view type) {
  for (const std::string_view passing :
       {"overloaded_error", "api_error", "rate_limit_error", "timeout_error"}) {
    if (type == passing) return End::kError;
  }
  return End::kRefusal;
}

std::string_view without_blanks(std::string_view text) {
  const size_t end = text.find_last_not_of(" \t\r\n");
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

std::string_view why_no_turn_behind(JsonSlice root) {
  const auto messages = root.find("messages");
  if (!messages || !messages->is_array()) return "the request has no list of messages";
  const auto list = messages->elements();
  if (!list.empty() && text_member(list.back(), "role") == "assistant") {
    return "the request has the answer's beginning already";
  }
  const std::string thinking = text_member(root.find("thinking"), "type");
  if (!thinking.empty() && thinking != "disabled") return "thinking takes no prefill";
  const std::string tools = text_member(root.find("tool_choice"), "type");
  if (tools == "any" || tools == "tool") return "a tool's call was asked for";
  if (root.find("output_format") || find(root.find("output_config"), "format")) {
    return "JSON was asked for";
  }
  return {};
}

// A block of text is the only one that can be gone on with; a thought without its signature is of
// no use to a client either.
void read_block(std::optional<JsonSlice> block, std::string_view text_type, StreamReading* out) {
  std::array<JsonMember, 2> members{{{"type"}, {"text"}}};
  if (block) block->pick(members);
  const auto& [type, text] = members;
  out->fixed = !type.value || type.value->string() != text_type;
  if (!out->fixed && text.value) text.value->append_string(&out->text);
}

}  // namespace

AnthropicResume::AnthropicResume(std::string_view request_body, bool prefill)
    : ResumeDialect(Dialect::kAnthropic), prefill_(prefill) {
  if (!is_json(request_body)) {
    why_never_ = "the request is no JSON";
  } else {
    why_not_continued_ = why_no_turn_behind(JsonSlice(request_body));
  }
}

void AnthropicResume::begin_attempt() {
  ResumeDialect::begin_attempt();
  places_.clear();
}

void AnthropicResume::read_event(const SseEvent& event, StreamReading* out) {
  const JsonSlice root(event.data);
  std::array<JsonMember, 6> members{
      {{"type"}, {"delta"}, {"content_block"}, {"usage"}, {"message"}, {"error"}}};
  const bool whole = root.pick(members).whole || (root.is_object() && root.is_whole());
  const auto& [type_too, delta, block, usage, message, error] = members;
  if (!whole) {
    out->end = End::kGarbled;
    return;
  }
  std::string own;  // the type of data that came without an event's name
  if (event.type.empty() && type_too.value) type_too.value->append_string(&own);
  const std::string_view type = event.type.empty() ? std::string_view(own) : event.type;
  out->noted = false;
  if (type == "error") {
    out->why = text_member(error.value, "type");
    out->end = end_of_error(out->why);
  } else if (type == "message_start") {
    out->opening = true;
    if (const auto begun = find(message.value, "usage")) usage_.told(begun->text());
  } else if (type == "message_delta") {
    if (usage.value) usage_.told_more(usage.value->text());
    out->why = text_member(delta.value, "stop_reason");
    if (!out->why.empty()) out->end = out->why == "end_turn" ? End::kStop : End::kFinal;
  } else if (type == "message_stop") {
    out->end = End::kStop;  // where no reason came before
    out->closing = out->last = true;
  } else if (type == "content_block_start") {
    out->noted = true;
    read_block(block.value, "text", out);
  } else if (type == "content_block_delta") {
    read_block(delta.value, "text_delta", out);
  } else {
    out->noted = type == "content_block_stop";
  }
}

StreamWriting AnthropicResume::write(const SseEvent& event,
                                     const StreamReading& reading,
                                     const StreamChange& change) {
  const JsonSlice root(event.data);
  const std::string type = type_of(event);
  std::string data(event.data);
  if (type == "message_delta" && usage_.any_lost()) {
    data = with_member(data, "usage", usage_.of_all());
  }
  if (change.drop > 0) {
    if (change.drop == reading.text.size() && type == "content_block_delta") {
      return {StreamWriting::How::kNot, {}};
    }
    const std::string rest = json_literal(std::string_view(reading.text).substr(change.drop));
    const bool delta = type == "content_block_delta";
    if (const auto of = root.find(delta ? "delta" : "content_block")) {
      data = replaced(event.data, of->text(), with_member(of->text(), "text", rest));
    }
  }
  if (index_of(event)) return write_block(event, std::move(data));
  if (data == event.data) return {};
  return {StreamWriting::How::kAs, std::move(data)};
}

// The first block of text goes on in the client's, where that has not ended.
StreamWriting AnthropicResume::write_block(const SseEvent& event, std::string data) {
  const uint64_t index = *index_of(event);
  const bool begins = type_of(event) == "content_block_start";
  if (begins && places_.size() < kBlocksMost) {
    const bool goes_on = open_ && open_is_text_ && is_text_block(event);
    places_[index] = goes_on ? *open_ : blocks_;
    if (goes_on) return {StreamWriting::How::kNot, {}};
  }
  const auto place = places_.find(index);
  if (place != places_.end() && place->second != index) {
    data = with_member(data, "index", std::to_string(place->second));
  }
  if (data == event.data) return {};
  return {StreamWriting::How::kAs, std::move(data)};
}

void AnthropicResume::delivered(const SseEvent& event,
                                const StreamReading& reading,
                                size_t,
                                size_t) {
  ended_ = ended_ || reading.last;
  if (!reading.noted) return;
  const auto index = index_of(event);
  if (!index) return;
  const std::string type = type_of(event);
  const auto place = places_.find(*index);
  if (type == "content_block_start") {
    open_ = place == places_.end() ? *index : place->second;
    open_is_text_ = is_text_block(event);
    blocks_ = *open_ + 1;
  } else if (type == "content_block_stop") {
    open_.reset();
  }
}

std::string_view AnthropicResume::blanks(std::string_view text) const {
  if (!prefill_) return text.substr(text.size());
  return text.substr(without_blanks(text).size());
}

Result<ResumeRequest> AnthropicResume::next(std::string_view body, const ResumeState& state) const {
  ResumeRequest out;
  if (state.text.empty()) return out;
  const std::string_view text = prefill_ ? without_blanks(state.text) : state.text;
  if (text.empty()) {
    return Error::ours(Code::kInternal, Stage::kBody, "blanks alone cannot be continued");
  }
  out.kind = ResumeRequest::Kind::kContinuation;
  std::string turns = R"({"role":"assistant","content":)" + json_literal(text) + '}';
  if (!prefill_) turns += R"(,{"role":"user","content":)" + json_literal(state.prompt) + '}';
  out.body = CULVERT_TRY(with_turns(body, "messages", turns));
  return out;
}

std::string AnthropicResume::closing() const {
  return ended_ ? "" : "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
}

}  // namespace culvert
