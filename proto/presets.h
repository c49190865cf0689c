// The aliases that a relay knows without being told: providers, their base URLs and dialects, and
// how each dialect carries a key. A table; pure. `Upstream` resources and PROXY_{NAME}_TARGET
// override it.
#pragma once

#include "culvert/v1/resources.pb.h"

#include <string_view>

namespace culvert {

struct Preset {
  std::string_view alias;
  std::string_view url;
  v1::Dialect dialect;
};

struct PresetTable {
  const Preset* first;
  const Preset* last;
  const Preset* begin() const { return first; }
  const Preset* end() const { return last; }
};

PresetTable presets();  // in the order of the aliases
const Preset* find_preset(std::string_view alias);

// The header that carries a key: `x-api-key` for Anthropic, `x-goog-api-key` for Gemini,
// `Authorization: Bearer` for all others.
v1::KeyCarriage default_key_carriage(v1::Dialect dialect);

// The preset as the resource that somebody would have written.
v1::Upstream to_upstream(const Preset& preset);

}  // namespace culvert
