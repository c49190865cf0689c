// See resume_gemini.h.
#include "relay/stream/resume_gemini.h"

#include "relay/base/limits.h"
#include "relay/codec/json_slice.h"

#include <algorithm>
#include <array>

namespace culvert {
namespace {

using End = StreamReading::End;

bool is_thought(JsonSlice part) {
  const auto thought = part.find("thought");
  return thought && thought->is_true();
}

// What a part may have beside what it says.
bool is_remark(std::string_view name) {
  return name == "text" || name == "thought" || name == "thoughtSignature" ||
         name == "thought_signature" || name == "videoMetadata" || name == "partMetadata";
}

// A tool's call, an image, code and its result: nothing to be continued as text.
bool is_fixed(JsonSlice part) {
  const auto members = part.members();
  return std::any_of(members.begin(), members.end(), [](const auto& member) {
    return !is_remark(member.first) && member.second.text() != "null";
  });
}

void read_part(JsonSlice part, StreamReading* out) {
  std::array<JsonMember, 6> members{{{"text"},
                                     {"thought"},
                                     {"thoughtSignature"},
                                     {"thought_signature"},
                                     {"videoMetadata"},
                                     {"partMetadata"}}};
  const bool others = part.pick(members).others;
  const auto& [text, thought, signature, signature_too, video, part_data] = members;
  if (thought.value && thought.value->is_true()) {
    out->thought = true;
    return;
  }
  if (text.value) text.value->append_string(&out->text);
  out->fixed = out->fixed || others;
  out->noted = out->noted || signature.value || signature_too.value;
}

std::optional<JsonSlice> only_candidate(JsonSlice root) {
  const auto candidates = find(root, "candidates");
  if (!candidates) return std::nullopt;
  const auto list = candidates->elements();
  if (list.empty()) return std::nullopt;
  return list.front();
}

void read_candidates(JsonSlice candidates, StreamReading* out) {
  size_t place = 0;
  const auto candidate = candidates.next(&place);
  if (!candidate) return;
  std::array<JsonMember, 3> members{{{"content"}, {"finishReason"}, {"index"}}};
  candidate->pick(members);
  const auto& [content, reason, index] = members;
  out->several = candidates.next(&place) || (index.value && index.value->text() != "0");
  if (const auto parts = find(content.value, "parts")) {
    for (size_t at = 0; const auto part = parts->next(&at);) read_part(*part, out);
  }
  if (!reason.value || reason.value->text() == "\"FINISH_REASON_UNSPECIFIED\"") return;
  bool known = true;
  out->why = reason.value->string().value_or(std::string(reason.value->text()));
  out->end = gemini_end(out->why, &known);
  out->unknown_end = !known;
}

// google.rpc.Code: of what passes by itself, and of what does not.
void read_error(JsonSlice error, StreamReading* out) {
  const uint64_t code = find(error, "code") ? error.find("code")->count().value_or(0) : 0;
  const std::string status = text_member(error, "status");
  constexpr std::array<uint64_t, 5> kPassing = {429, 500, 502, 503, 504};
  constexpr std::array<std::string_view, 5> kWords = {
      "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "UNKNOWN"};
  const bool passes =
      std::find(kPassing.begin(), kPassing.end(), code) != kPassing.end() ||
      (code == 0 && std::find(kWords.begin(), kWords.end(), status) != kWords.end());
  out->end = passes ? End::kError : End::kRefusal;
  out->why = status.empty() ? "error " + std::to_string(code) : status;
}

// In place of parts that the client has already. Google's own SDK takes a turn without any for no
// answer, and forgets the whole of it.
constexpr std::string_view kNoText = R"([{"text":""}])";

// A text part without its first *drop bytes; empty where nothing is left of it.
std::string shortened(JsonSlice part, size_t* drop) {
  const auto literal = part.find("text");
  const std::string text = literal ? literal->string().value_or("") : "";
  const size_t of_it = std::min(*drop, text.size());
  if (of_it == 0) return std::string(part.text());
  *drop -= of_it;
  const bool signature = part.find("thoughtSignature") || part.find("thought_signature");
  if (of_it == text.size() && !signature && !is_fixed(part)) return {};
  return replaced(part.text(), literal->text(), json_literal(std::string_view(text).substr(of_it)));
}

// The list of parts as the client gets it; the same bytes where nothing changes.
std::string changed_parts(JsonSlice parts, const StreamChange& change, bool* any) {
  std::string out = "[";
  size_t drop = change.drop;
  bool changed = false;
  for (const JsonSlice& part : parts.elements()) {
    const bool thought = is_thought(part);
    std::string text;
    if (!thought) text = shortened(part, &drop);
    if (thought && change.thoughts) text = std::string(part.text());
    changed = changed || text != part.text();
    if (text.empty()) continue;
    if (out.size() > 1) out += ',';
    out += text;
    *any = true;
  }
  return changed ? out + ']' : std::string(parts.text());
}

}  // namespace

StreamReading::End gemini_end(std::string_view reason, bool* known) {
  constexpr std::array<std::string_view, 8> kFinal = {
      "MAX_TOKENS",         "SAFETY", "RECITATION", "BLOCKLIST",
      "PROHIBITED_CONTENT", "SPII",   "LANGUAGE",   "IMAGE_SAFETY"};
  *known = true;
  if (reason == "STOP") return End::kStop;
  if (reason == "MALFORMED_FUNCTION_CALL" || reason == "OTHER") return End::kAccident;
  const bool listed = std::find(kFinal.begin(), kFinal.end(), reason) != kFinal.end();
  *known = listed || reason.substr(0, 6) == "IMAGE_";
  return End::kFinal;
}

GeminiResume::GeminiResume(std::string_view request_body, Continuation continuation)
    : ResumeDialect(Dialect::kGemini),
      asked_(read_gemini_request(request_body)),
      prefill_(continuation != Continuation::kPrompt) {}

std::string_view GeminiResume::why_not_continued() const {
  if (signature_bytes_ > limits::kResumeSignatureBytes) return "its signatures are too large";
  return asked_.why_not_continued;
}

void GeminiResume::read_event(const SseEvent& event, StreamReading* out) {
  const JsonSlice root(event.data);
  if (root.text() == "[DONE]") {  // of gateways that speak two dialects
    out->closing = out->last = true;
    return;
  }
  std::array<JsonMember, 5> members{
      {{"error"}, {"candidates"}, {"promptFeedback"}, {"usageMetadata"}, {"responseId"}}};
  const bool whole = root.pick(members).whole || (root.is_object() && root.is_whole());
  const auto& [error, candidates, feedback, usage, id] = members;
  if (!whole) {
    out->end = End::kGarbled;
    return;
  }
  if (error.value) {
    read_error(*error.value, out);
    return;
  }
  out->noted = id.value && id_.empty();
  if (candidates.value) read_candidates(*candidates.value, out);
  if (const auto reason = find(feedback.value, "blockReason")) {
    out->end = End::kFinal;
    out->why = reason->string().value_or("");
  }
  if (usage.value) usage_.told(usage.value->text());
}

StreamWriting GeminiResume::write(const SseEvent& event,
                                  const StreamReading& reading,
                                  const StreamChange& change) {
  std::string data(event.data);
  const auto candidate = only_candidate(JsonSlice(data));
  const auto parts = candidate ? find(candidate->find("content"), "parts") : std::nullopt;
  if (parts) {
    bool any = false;
    const std::string kept = changed_parts(*parts, change, &any);
    if (!any && reading.end == End::kNone) return {StreamWriting::How::kNot, {}};
    if (kept != parts->text()) data = replaced(data, parts->text(), any ? kept : kNoText);
  }
  if (reading.end != End::kNone && usage_.any_lost()) {
    data = with_member(data, "usageMetadata", usage_.of_all());
  }
  if (!id_.empty() && JsonSlice(data).find("responseId"))
    data = with_member(data, "responseId", id_);
  if (data == event.data) return {};
  return {StreamWriting::How::kAs, std::move(data)};
}

void GeminiResume::delivered(const SseEvent& event,
                             const StreamReading& reading,
                             size_t text_before,
                             size_t drop) {
  if (!reading.noted) return;
  const JsonSlice root(event.data);
  if (id_.empty()) {
    if (const auto id = root.find("responseId")) id_ = id->text();
  }
  const auto candidate = only_candidate(root);
  const auto parts = candidate ? find(candidate->find("content"), "parts") : std::nullopt;
  if (!parts || reading.fixed) return;
  for (const JsonSlice& part : parts->elements()) {
    if (is_thought(part)) continue;
    const auto literal = part.find("text");
    const size_t size = literal ? literal->string().value_or("").size() : 0;
    const size_t gone = std::min(drop, size);
    drop -= gone;
    auto signature = part.find("thoughtSignature");
    if (!signature) signature = part.find("thought_signature");
    // Written anew: the event's grammar was not checked, and the request has to stay JSON.
    if (const auto text = signature ? signature->string() : std::nullopt) {
      signed_.push_back({text_before, text_before + size - gone, json_literal(*text)});
      signature_bytes_ += text->size();
    }
    text_before += size - gone;
  }
}

Result<ResumeRequest> GeminiResume::next(std::string_view body, const ResumeState& state) const {
  ResumeRequest out;
  if (state.text.empty()) return out;
  out.kind = ResumeRequest::Kind::kContinuation;
  ResumeState asked = state;
  if (prefill_) asked.prompt = {};
  out.body = CULVERT_TRY(gemini_continuation(body, asked, signed_));
  return out;
}

}  // namespace culvert
