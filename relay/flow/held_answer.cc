// See held_answer.h.
#include "relay/flow/held_answer.h"

#include "relay/stream/carry.h"
#include "relay/stream/gemini_answer.h"

#include <utility>

namespace culvert {

bool HeldAnswer::judges(Dialect dialect, std::string_view path, const ResponseHead& head) {
  if (dialect != Dialect::kGemini || !generates_gemini_content(path)) return false;
  // What streams without events is read piece by piece by those who ask for it.
  if (path.find(":stream") != std::string_view::npos) return false;
  const Carry carry(dialect, head, false);
  return carry.readable() && !carry.is_event_stream();
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
