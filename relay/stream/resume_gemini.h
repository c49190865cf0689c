// Gemini's streamGenerateContent (Google's generative language API, GenerateContentResponse) for
// the machine that takes streams up again.
#pragma once

#include "relay/base/resume_settings.h"
#include "relay/stream/gemini_request.h"
#include "relay/stream/resume_dialect.h"

#include <string>
#include <string_view>
#include <vector>

namespace culvert {

class GeminiResume final : public ResumeDialect {
 public:
  GeminiResume(std::string_view request_body, Continuation continuation);

  std::string_view why_never() const override { return asked_.why_never; }
  std::string_view why_not_continued() const override;
  StreamWriting write(const SseEvent& event,
                      const StreamReading& reading,
                      const StreamChange& change) override;
  void delivered(const SseEvent& event,
                 const StreamReading& reading,
                 size_t text_before,
                 size_t drop) override;
  Result<ResumeRequest> next(std::string_view body, const ResumeState& state) const override;

 protected:
  void read_event(const SseEvent& event, StreamReading* out) override;

 private:
  const GeminiAsked asked_;
  const bool prefill_;
  std::vector<SignedText> signed_;
  size_t signature_bytes_ = 0;
  std::string id_;  // the first attempt's, as a JSON literal
};

// What a reason to finish means (streams: Recovery, 4 and 5). known: false for a word that this
// version does not know.
StreamReading::End gemini_end(std::string_view reason, bool* known);

}  // namespace culvert
