// What the beginning of a request's body tells before the rest of it is here: the model, and by
// what a conversation is known again. Part of the session. Pure.
#pragma once

#include "relay/codec/json.h"
#include "relay/codec/prompt_prefix.h"

#include <string>
#include <string_view>

namespace culvert {

class BodyBeginning {
 public:
  void see(std::string_view bytes);
  void end();  // the body is whole

  // Nothing more will be known of the model, found or not.
  bool model_known() const { return model_.state() != ModelScanner::State::kNeedMore; }
  const std::string& model() const { return model_.model(); }  // "" where there is none

  // From here on the prompt is looked for too; so_far: what was seen before.
  void want_prompt(std::string_view so_far, bool whole);
  bool prompt_known() const {
    return !wants_prompt_ || prompt_.state() != PromptPrefix::State::kNeedMore;
  }
  std::string prompt() const { return prompt_.digest(); }  // "" where there is none

 private:
  ModelScanner model_;
  bool wants_prompt_ = false;
  PromptPrefix prompt_;
};

}  // namespace culvert
