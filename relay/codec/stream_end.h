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
  // The stream may end here and be whole: its marker was seen, or it is none of those that have one
  // (an opaque dialect; events, but none in the dialect's own form).
  bool complete() const;
  // An event with content was seen (text, thought, tool call, media): the first token is here.
  bool content_seen() const { return content_seen_; }
  const Usage& usage() const { return usage_; }
  // How often the vendor has told what it wrote so far: text that passes after it is not in
  // usage().
  uint64_t outputs_told() const { return outputs_told_; }

 private:
  void see_openai(const SseEvent& event);
  void see_anthropic(const SseEvent& event);
  void see_gemini(const SseEvent& event);
  void take(const Usage& told);

  Dialect dialect_;
  bool marked_ = false;
  bool errored_ = false;
  bool failed_ = false;  // it said so in the way in which its dialect ends
  bool content_seen_ = false;
  bool own_form_ = false;  // an event that only a stream with a marker has
  bool events_ = false;    // any event
  uint64_t outputs_told_ = 0;
  Usage usage_;
};

}  // namespace culvert
