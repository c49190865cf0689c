// What --output json and --output yaml print: a message as a plain tree, in the words that
// configuration files use, and the tree as text. Pure. Protobuf's own JSON is not used: it writes
// 64-bit numbers as strings, bytes as base64 and enumerators with their prefixes.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace culvert::cli {

struct Value {
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<std::string, Value>>;  // in the order of writing
  std::variant<std::nullptr_t, bool, int64_t, uint64_t, double, std::string, List, Map> content =
      nullptr;
};

// Field names as in the .proto; times in RFC 3339, durations as `30s`, bytes in hexadecimal,
// enumerators in lower case without their prefix, resources as `kind`, `name`, `spec`. Plain fields
// and lists are always there; messages and optional fields only where they are set.
Value value_of(const google::protobuf::Message& message);

std::string to_json(const Value& value);       // indented by two, with a line feed at the end
std::string to_json_line(const Value& value);  // on one line, with a line feed at the end
std::string to_yaml_text(const Value& value);  // with a line feed at the end

// "…" with escapes that JSON (RFC 8259) and YAML read alike; control characters never stand bare.
std::string json_text(std::string_view text);

}  // namespace culvert::cli
