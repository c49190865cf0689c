// Reads along with a stream of events and tells whether it ended as its dialect says that it ends,
// so that a cut never looks complete (streams: A cut never looks complete).
#pragma once

#include "relay/base/dialect.h"
#include "relay/codec/json.h"
#include "relay/codec/sse.h"

namespace culvert {

// End markers: OpenAI chat and completions `data: [DONE]`; Responses `response.completed`,
// `.failed`,
// `.incomplete`; images and audio their own `…completed` and `…done`; Anthropic `message_stop`;
// Gemini a candidate with `finishReason`, or `promptFeedback.blockReason`. Opaque streams have
// none.
class StreamEnd {
 public:
  explicit StreamEnd(Dialect dialect) : dialect_(dialect) {}

  void see(const SseEvent& event);

  bool marked() const { return marked_; }    // the end marker was seen
  bool errored() const { return errored_; }  // the upstream said in the stream that it failed
  // The stream may end here and be whole: marked, or no events of a dialect that has a marker.
  bool complete() const { return marked_ || dialect_ == Dialect::kOpaque || events_ == 0; }
  // An event with content was seen (text, thought, tool call, media): the first token is here.
  bool content_seen() const { return content_seen_; }
  const Usage& usage() const { return usage_; }

 private:
  void see_openai(const SseEvent& event);
  void see_anthropic(const SseEvent& event);
  void see_gemini(const SseEvent& event);

  Dialect dialect_;
  bool marked_ = false;
  bool errored_ = false;
  bool content_seen_ = false;
  uint64_t events_ = 0;
  Usage usage_;
};

}  // namespace culvert
