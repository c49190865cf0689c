// Events are parsed as they pass; of a JSON answer nothing is kept but the object with its usage.
#include "relay/stream/carry.h"

#include "relay/base/text.h"

namespace culvert {
namespace {

constexpr std::string_view kEventStream = "text/event-stream";

// Without its parameters; "" where the answer has none.
std::string_view media_type(const ResponseHead& head) {
  const std::string_view value = head.headers.find("content-type").value_or("");
  return trim(value.substr(0, value.find(';')));
}

bool can_read(const ResponseHead& head) {
  if (head.status < 200 || head.status > 299) return false;
  const auto coding = head.headers.find("content-encoding");
  return !coding || equal_ignoring_case(*coding, "identity");
}

// Which of an event's strings are text that the model just wrote. Responses, whose events have
// names, repeat at the end of each part what its deltas said.
JsonScan::Names text_in(Dialect dialect, const SseEvent& event) {
  if (dialect != Dialect::kOpenAi) return JsonScan::kAnswer;
  if (event.type.empty()) return JsonScan::kChatDelta | JsonScan::kPlainDelta;
  const bool media = event.type.find("audio") != std::string_view::npos ||
                     event.type.find("image") != std::string_view::npos;
  return media ? JsonScan::kNone : JsonScan::kPlainDelta;
}

}  // namespace

bool is_readable_event_stream(const ResponseHead& head) {
  return equal_ignoring_case(media_type(head), kEventStream) && can_read(head);
}

bool is_event_stream_of(Dialect dialect, const ResponseHead& head) {
  return dialect != Dialect::kOpaque && is_readable_event_stream(head);
}

Carry::Carry(Dialect dialect, const ResponseHead& head, bool weigh)
    : dialect_(dialect),
      weigh_(weigh),
      end_(dialect),
      scan_(weigh ? JsonScan::kAnswer : JsonScan::kNone) {
  if (dialect == Dialect::kOpaque || !can_read(head)) return;
  const std::string_view type = media_type(head);
  events_ = equal_ignoring_case(type, kEventStream);
  json_ = equal_ignoring_case(type, "application/json");
}

void Carry::see(std::string_view bytes) {
  if (json_) see_json(bytes);
  if (!events_) return;
  while (const auto event = parser_.next(&bytes)) see_event(*event);
}

void Carry::see_json(std::string_view bytes) {
  const uint32_t before = scan_.usages();
  scan_.feed(bytes);
  if (scan_.usages() == before) return;
  told_quarters_ = scan_.quarters();
  // Parsed once, asked for often. Empty where the next of an array has already begun.
  if (const Usage told = scan_.usage(dialect_); !told.empty()) json_usage_ = told;
}

void Carry::see_event(const SseEvent& event) {
  if (weigh_) {
    scan_.restart(text_in(dialect_, event));
    scan_.feed(event.data);
  }
  const uint64_t before = end_.outputs_told();
  end_.see(event);
  if (end_.outputs_told() != before) told_quarters_ = scan_.quarters();
}

bool Carry::complete() const { return !events_ || parser_.overflowed() || end_.complete(); }

bool Carry::ended() const { return events_ && end_.marked() && end_.complete(); }

bool Carry::readable() const { return events_ || json_; }

bool Carry::at_boundary() const { return events_ && parser_.at_boundary(); }

bool Carry::content_seen() const { return events_ && end_.content_seen(); }

Usage Carry::usage() const {
  if (events_) return end_.usage();
  return json_usage_;
}

uint64_t Carry::untold_quarters() const {
  // An object's usage is for all of it, wherever it stands; of Gemini's arrays each element tells
  // what was said up to it.
  if (json_ && dialect_ != Dialect::kGemini && scan_.usages() > 0) return 0;
  return weigh_ ? scan_.quarters() - told_quarters_ : 0;
}

}  // namespace culvert
