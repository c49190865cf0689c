// How streams that break off are taken up again.
#include "proto/scalars.h"
#include "proto/suggest.h"
#include "proto/validate_parts.h"
#include "relay/base/limits.h"

#include <algorithm>

namespace culvert {
namespace {

void inspect_prompts(const std::string& path, const v1::Resume& resume, Inspection* out) {
  static const std::vector<std::string_view> kLanguages = {"en", "zh", "ja", "ko", "es",
                                                           "fr", "de", "pt", "ru", "ar"};
  for (const auto& [language, prompt] : resume.prompts()) {
    const std::string at = path + ".prompts[" + language + "]";
    if (std::find(kLanguages.begin(), kLanguages.end(), language) == kLanguages.end()) {
      out->say(at, in_quotes(language) + " is no language that is told apart; " +
                       what_is_allowed(language, kLanguages));
    } else if (prompt.empty() || prompt.size() > limits::kResumePromptBytes) {
      out->say(at, "a prompt of " + std::to_string(prompt.size()) + " bytes; allowed are 1 to " +
                       std::to_string(limits::kResumePromptBytes));
    }
  }
}

}  // namespace

void inspect_resume(const std::string& path, const v1::Resume& resume, bool base, Inspection* out) {
  if (resume.has_attempts()) {
    inspect_number(path + ".attempts", "attempts", resume.attempts(), 1,
                   limits::kResumeAttemptsMost, out);
  }
  if (resume.has_seam()) {
    inspect_number(path + ".seam", "seam", resume.seam(), limits::kResumeOverlap,
                   limits::kResumeSeamMost, out);
  }
  const auto look = [&](bool given, const std::string& name,
                        const google::protobuf::Duration& duration, bool zero) {
    if (given) inspect_timer(path + "." + name, duration, zero, out);
  };
  look(resume.has_within(), "within", resume.within(), false);
  look(resume.has_idle(), "idle", resume.idle(), false);
  look(resume.has_seam_wait(), "seam_wait", resume.seam_wait(), true);
  inspect_backoff(path, resume, {limits::kResumeBackoff, limits::kResumeBackoffMost}, !base, out);
  inspect_prompts(path, resume, out);
}

}  // namespace culvert
