// See held_answer.h.
#include "relay/flow/held_answer.h"

#include "relay/stream/carry.h"
#include "relay/stream/gemini_answer.h"

#include <utility>

namespace culvert {

std::unique_ptr<HeldAnswer> HeldAnswer::of(ReplayBudget& budget,
                                           Dialect dialect,
                                           std::string_view path,
                                           const ResponseHead& head,
                                           const ResumeSettings& settings) {
  if (!settings.on || dialect != Dialect::kGemini || !generates_gemini_content(path)) {
    return nullptr;
  }
  // What streams without events is read piece by piece by those who ask for it.
  if (path.find(":stream") != std::string_view::npos) return nullptr;
  const Carry carry(dialect, head, false);
  if (!carry.readable() || carry.is_event_stream()) return nullptr;
  return std::unique_ptr<HeldAnswer>(new HeldAnswer(budget, head, settings.event_bytes));
}

HeldAnswer::~HeldAnswer() { budget_.give(reserved_); }

bool HeldAnswer::keep(std::string_view bytes) {
  const bool fits = body_.size() + bytes.size() <= most_ && budget_.take(bytes.size());
  if (fits) reserved_ += bytes.size();
  body_.append(bytes);
  return fits;
}

std::string_view HeldAnswer::why_incomplete() const { return culvert::why_incomplete(body_); }

}  // namespace culvert
