// How streams that break off are taken up again (v1::Resume, where the defaults stand). Here and
// not in config, because the pure machine in stream asks for it too.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/limits.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
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
  Duration idle = limits::kResumeIdle;  // without a byte, a stream counts as cut
  Duration seam_wait = limits::kResumeSeamWait;
  Continuation continuation = Continuation::kPrompt;
  std::map<std::string, std::string> prompts;      // language ("zh") → text; others are built in
  size_t text_bytes = limits::kResumeTextBytes;    // of an answer; a longer one is not continued
  size_t event_bytes = limits::kResumeEventBytes;  // a larger event ends the reading along
  friend bool operator==(const ResumeSettings&, const ResumeSettings&) = default;
};

// What is absent stays; prompts are replaced one by one.
struct ResumeOverrides {
  std::optional<bool> on;
  std::optional<uint32_t> attempts, seam;
  std::optional<Duration> within, backoff, backoff_most, idle, seam_wait;
  std::optional<Continuation> continuation;
  std::map<std::string, std::string> prompts;
  friend bool operator==(const ResumeOverrides&, const ResumeOverrides&) = default;
};

inline ResumeSettings merged(const ResumeSettings& base, const ResumeOverrides& overrides) {
  ResumeSettings out = base;
  out.on = overrides.on.value_or(base.on);
  out.attempts = overrides.attempts.value_or(base.attempts);
  out.within = overrides.within.value_or(base.within);
  out.backoff = overrides.backoff.value_or(base.backoff);
  out.backoff_most = overrides.backoff_most.value_or(base.backoff_most);
  out.idle = overrides.idle.value_or(base.idle);
  out.seam = overrides.seam.value_or(base.seam);
  out.seam_wait = overrides.seam_wait.value_or(base.seam_wait);
  out.continuation = overrides.continuation.value_or(base.continuation);
  for (const auto& [language, prompt] : overrides.prompts) out.prompts[language] = prompt;
  return out;
}

}  // namespace culvert
