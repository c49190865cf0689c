// Resources as YAML (and so as JSON), both ways, by protobuf's reflection: a new field of
// resources.proto is readable here without a line of code. Pure.
#pragma once

#include "proto/resources.h"
#include "relay/base/result.h"

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

namespace culvert {

// Documents separated by `---`, each with `kind`, `name` and `spec`. `file` is a name for messages
// and places. Errors are kInvalidConfig: `FILE:LINE: what is wrong; what is allowed`, the first one
// only; the values of secrets are in none. Only form is checked here; meaning is proto/validate's.
Result<Resources> parse_resources(std::string_view file, std::string_view text);

// The documents again, in the order relay, upstreams, pools, routes; secrets are shown masked,
// `env:` and `file:` references as they are, for they name a secret and are none.
std::string to_yaml(const Resources& resources);
std::string to_yaml(std::string_view kind,
                    std::string_view name,
                    const google::protobuf::Message& spec);

}  // namespace culvert
