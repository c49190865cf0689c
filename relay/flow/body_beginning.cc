// See body_beginning.h.
#include "relay/flow/body_beginning.h"

#include <utility>

namespace culvert {

void BodyBeginning::see(std::string_view bytes) {
  if (!model_known()) model_.feed(bytes);
  if (!prompt_known()) prompt_.feed(bytes);
}

void BodyBeginning::end() {
  if (!model_known()) model_.finish();
  if (!prompt_known()) prompt_.finish();
}

void BodyBeginning::want_prompt(std::string_view so_far, bool whole) {
  if (std::exchange(wants_prompt_, true)) return;
  prompt_.feed(so_far);
  if (whole && !prompt_known()) prompt_.finish();
}

}  // namespace culvert
