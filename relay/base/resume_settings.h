// How streams that break off are taken up again (v1::Resume, where the defaults stand). Here and
// not in config, because the pure machine in stream asks for it too.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/limits.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace culvert {

// By what a text that the client has part of is continued.
enum class Continuation : uint8_t {
  kPrompt,        // the model's turn as far as it is known, then a user's turn that asks to go on
  kPrefill,       // the model's turn alone: the model writes on in it
  kPrefix,        // OpenAI-compatible: … and the message has "prefix": true (DeepSeek, Mistral)
  kFinalMessage,  // … and the request has "continue_final_message": true (vLLM)
};

struct ResumeSettings {
  bool on = false;
  uint32_t attempts = limits::kResumeAttempts;  // in all, the first included
  Duration within = limits::kResumeWithin;      // of the first cut: later none is made
  Duration backoff = limits::kResumeBackoff;    // doubles
  Duration backoff_most = limits::kResumeBackoffMost;
  uint32_t seam = limits::kResumeSeam;  // code points that are compared
  Duration seam_wait = limits::kResumeSeamWait;
  Continuation continuation = Continuation::kPrompt;
  std::map<std::string, std::string> prompts;      // language ("zh") → text; others are built in
  size_t text_bytes = limits::kResumeTextBytes;    // of an answer; a longer one is not continued
  size_t event_bytes = limits::kResumeEventBytes;  // a larger event ends the reading along
  friend bool operator==(const ResumeSettings&, const ResumeSettings&) = default;
};

}  // namespace culvert
