// A request to Gemini's generateContent and streamGenerateContent, as far as taking its answer up
// again depends on it, and its continuation. The bytes stay as the client wrote them; only
// `contents` becomes longer. Pure.
#pragma once

#include "relay/base/result.h"
#include "relay/base/resume_settings.h"
#include "relay/stream/resume_dialect.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// Why not; empty where it can be. never: at all; continued: once text was sent. Both spellings of
// Google's JSON (responseSchema, response_schema) are read.
struct GeminiAsked {
  std::string_view why_never;
  std::string_view why_not_continued;
};
GeminiAsked read_gemini_request(std::string_view body);

// A part of the answer's text that came with a signature, which the model wants to see again.
struct SignedText {
  size_t begin = 0;  // in the text
  size_t end = 0;
  std::string signature;  // as a JSON literal
};

// The body with a model's turn at the end of `contents` that has exactly the text, its signed parts
// as they were, and with a user's turn that asks to go on, where `prompt` is not empty. An error
// where the body is no such request.
Result<std::string> gemini_continuation(std::string_view body,
                                        const ResumeState& state,
                                        const std::vector<SignedText>& signed_parts);

}  // namespace culvert
