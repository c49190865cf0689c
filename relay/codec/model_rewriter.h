// Puts another model into a JSON request that passes in pieces: a route's destination may have one
// of its own. All other bytes stay as they are. Pure; holds nothing of the body.
#pragma once

#include "relay/codec/json.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

class ModelRewriter {
 public:
  enum class State : uint8_t {
    kSearching,  // growth() is not known yet
    kReplaced,   // growth() is known; the rest passes
    kAbsent,     // no JSON object, or none with a string "model" of its own
    kTooFar,     // no model within the bytes that are searched
    kAmbiguous,  // behind the model a second one, or what is no JSON: the upstream might read there
                 // what the relay did not
  };

  // search_bytes: within how many the model has to have ended.
  ModelRewriter(std::string_view model, size_t search_bytes);

  // Appends to `out` what goes up. The last three states are final: nothing of the body may go up
  // any more. kAmbiguous may come after kReplaced.
  State feed(std::string_view bytes, std::string* out);
  State finish();  // the body ended: kSearching becomes kAbsent
  State state() const { return state_; }
  // By how many bytes the body becomes longer, or shorter.
  int64_t growth() const { return growth_; }

 private:
  size_t search(std::string_view bytes, std::string* out);
  size_t pass(std::string_view bytes, std::string* out);

  ModelScanner scanner_;
  const std::string literal_;
  const size_t search_bytes_;
  State state_ = State::kSearching;
  bool closed_ = false;  // behind the object
  int64_t growth_ = 0;
};

}  // namespace culvert
