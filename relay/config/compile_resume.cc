// How streams that break off are taken up again.
#include "proto/scalars.h"
#include "relay/config/compile_parts.h"

namespace culvert {
namespace {

Continuation to_continuation(v1::Resume::Continuation written) {
  switch (written) {
    case v1::Resume::CONTINUATION_PREFILL:
      return Continuation::kPrefill;
    case v1::Resume::CONTINUATION_PREFIX:
      return Continuation::kPrefix;
    case v1::Resume::CONTINUATION_FINAL_MESSAGE:
      return Continuation::kFinalMessage;
    default:
      return Continuation::kPrompt;
  }
}

}  // namespace

ResumeOverrides compile_resume(const v1::Resume& written) {
  ResumeOverrides out;
  if (written.has_on()) out.on = written.on();
  if (written.has_attempts()) out.attempts = written.attempts();
  if (written.has_seam()) out.seam = written.seam();
  if (written.has_within()) out.within = from_proto(written.within());
  if (written.has_backoff()) out.backoff = from_proto(written.backoff());
  if (written.has_backoff_most()) out.backoff_most = from_proto(written.backoff_most());
  if (written.has_idle()) out.idle = from_proto(written.idle());
  if (written.has_seam_wait()) out.seam_wait = from_proto(written.seam_wait());
  if (written.has_continuation()) out.continuation = to_continuation(written.continuation());
  out.prompts.insert(written.prompts().begin(), written.prompts().end());
  return out;
}

ResumeSettings resume_of(const v1::Relay& relay, const v1::Upstream& upstream) {
  ResumeSettings out;
  if (upstream.dialect() == v1::DIALECT_GEMINI) {
    out.on = true;
    out = merged(out, compile_resume(relay.gemini_resume()));
  }
  return merged(out, compile_resume(upstream.resume()));
}

}  // namespace culvert
