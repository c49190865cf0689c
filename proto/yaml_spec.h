// A YAML node into a message by reflection: the inside of proto/yaml, apart because it knows
// nothing of documents and kinds.
#pragma once

#include "proto/resources.h"
#include "proto/yaml_tree.h"
#include "relay/base/result.h"

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

namespace culvert {

// Where a spec is being read: for messages, and for the places of its fields.
struct SpecContext {
  std::string_view file;
  std::string_view kind;
  std::string_view name;
  Places* places;
};

// Fills `message` from a map. `path` is the field path of the message inside the resource, "" for
// the spec itself.
Result<void> read_message(const SpecContext& context,
                          const std::string& path,
                          const YamlNode& node,
                          google::protobuf::Message* message);

// `ROUND_ROBIN` for POLICY_ROUND_ROBIN of enum Policy, in lower case: the form that files use.
std::string enumerator_word(const google::protobuf::EnumValueDescriptor& value);

}  // namespace culvert
