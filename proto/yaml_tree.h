// YAML text as a bounded tree with the line of every node. Pure. Made from the parser's events and
// not from its own nodes, because those expand aliases, lose lines and have no bounds.
#pragma once

#include "proto/config_error.h"
#include "relay/base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace culvert {

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  int line = 0;                 // from 1
  bool plain = false;           // of a scalar: without quotes
  std::string text;             // of a scalar
  std::vector<YamlNode> items;  // of a sequence; of a map, key and value in turn

  // "a list", "a map", "nothing" or "a value", for messages.
  std::string_view words() const;
};

// The documents that are not empty. Refused with kInvalidConfig, `FILE:LINE: …`: what is no YAML,
// control characters, aliases and anchors, tags, keys that are no scalars or come twice, and what
// is larger or deeper than base/limits.h allows. `file` is only a name for messages.
Result<std::vector<YamlNode>> parse_yaml_tree(std::string_view file, std::string_view text);

}  // namespace culvert
