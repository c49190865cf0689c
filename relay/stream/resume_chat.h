// OpenAI's chat completions, and whoever serves them with a way to go on in an assistant's message:
// DeepSeek and Mistral ("prefix": true), vLLM and its like ("continue_final_message"), OpenRouter
// and others (an assistant's message at the end). For the machine that takes streams up again.
#pragma once

#include "relay/base/resume_settings.h"
#include "relay/stream/resume_dialect.h"

#include <string>
#include <string_view>

namespace culvert {

class ChatResume final : public ResumeDialect {
 public:
  ChatResume(std::string_view request_body, Continuation continuation);

  std::string_view why_never() const override { return why_never_; }
  std::string_view why_not_continued() const override { return why_not_continued_; }
  StreamWriting write(const SseEvent& event,
                      const StreamReading& reading,
                      const StreamChange& change) override;
  void delivered(const SseEvent& event,
                 const StreamReading& reading,
                 size_t text_before,
                 size_t drop) override;
  Result<ResumeRequest> next(std::string_view body, const ResumeState& state) const override;
  std::string closing() const override { return marked_ ? "" : "data: [DONE]\n\n"; }

 protected:
  void read_event(const SseEvent& event, StreamReading* out) override;

 private:
  const Continuation continuation_;
  std::string_view why_never_;
  std::string_view why_not_continued_;
  bool marked_ = false;  // [DONE] was delivered
  std::string id_;       // the first attempt's, as a JSON literal
};

// The reason why another turn cannot be added to the request's `messages`, by what was asked of the
// answer; empty where it can.
std::string_view why_no_turn(std::string_view body);

}  // namespace culvert
