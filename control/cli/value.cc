// Reflection into a tree. The trees' texts are in value_text.cc.
#include "control/cli/value.h"

#include "control/cli/times.h"
#include "culvert/v1/admin.pb.h"
#include "proto/scalars.h"
#include "proto/words.h"
#include "proto/yaml_spec.h"
#include "relay/base/secret.h"

#include <algorithm>

namespace culvert::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::string hexadecimal(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string shown_secret(const std::string& value) {
  return is_reference(value) || is_masked(value) ? value : mask(value);
}

// `sparse`: only what is set, as files write a spec.
Value tree_of(const Message& message, bool sparse);

Value resource_value(const v1::Resource& resource) {
  Value::Map map;
  const auto add = [&](const char* kind, const Message& spec) {
    map.emplace_back("kind", Value{std::string(kind)});
    map.emplace_back("name", Value{resource.name()});
    map.emplace_back("spec", tree_of(spec, true));
  };
  if (resource.has_upstream()) add("Upstream", resource.upstream());
  if (resource.has_key_pool()) add("KeyPool", resource.key_pool());
  if (resource.has_route()) add("Route", resource.route());
  if (resource.has_tunnel()) add("Tunnel", resource.tunnel());
  if (map.empty()) map.emplace_back("name", Value{resource.name()});
  return {std::move(map)};
}

Value message_value(const Message& message, bool sparse) {
  if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    return {rfc3339(from_proto(*time))};
  }
  if (const auto* span = dynamic_cast<const google::protobuf::Duration*>(&message)) {
    return {print_duration(culvert::from_proto(*span))};
  }
  if (const auto* secret = dynamic_cast<const v1::Secret*>(&message)) {
    return {shown_secret(secret->value())};
  }
  if (const auto* resource = dynamic_cast<const v1::Resource*>(&message)) {
    return resource_value(*resource);
  }
  return tree_of(message, sparse);
}

// Of a list where `index` is not negative.
Value field_value(const Message& message, const FieldDescriptor& field, int index, bool sparse) {
  const Reflection& reflection = *message.GetReflection();
  const auto value = [&](auto single, auto element) {
    return index < 0 ? (reflection.*single)(message, &field)
                     : (reflection.*element)(message, &field, index);
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string text = value(&Reflection::GetString, &Reflection::GetRepeatedString);
      return {field.type() == FieldDescriptor::TYPE_BYTES ? hexadecimal(text) : std::move(text)};
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      return {value(&Reflection::GetBool, &Reflection::GetRepeatedBool)};
    case FieldDescriptor::CPPTYPE_INT32:
      return {static_cast<int64_t>(value(&Reflection::GetInt32, &Reflection::GetRepeatedInt32))};
    case FieldDescriptor::CPPTYPE_INT64:
      return {static_cast<int64_t>(value(&Reflection::GetInt64, &Reflection::GetRepeatedInt64))};
    case FieldDescriptor::CPPTYPE_UINT32:
      return {static_cast<uint64_t>(value(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32))};
    case FieldDescriptor::CPPTYPE_UINT64:
      return {static_cast<uint64_t>(value(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64))};
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return {value(&Reflection::GetDouble, &Reflection::GetRepeatedDouble)};
    case FieldDescriptor::CPPTYPE_FLOAT:
      return {static_cast<double>(value(&Reflection::GetFloat, &Reflection::GetRepeatedFloat))};
    case FieldDescriptor::CPPTYPE_ENUM:
      return {enumerator_word(*value(&Reflection::GetEnum, &Reflection::GetRepeatedEnum))};
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return message_value(index < 0 ? reflection.GetMessage(message, &field)
                                 : reflection.GetRepeatedMessage(message, &field, index),
                       sparse);
}

Value map_value(const Message& message, const FieldDescriptor& field) {
  Value::Map map;
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    map.emplace_back(entry.GetReflection()->GetString(entry, field.message_type()->map_key()),
                     field_value(entry, *field.message_type()->map_value(), -1, false));
  }
  std::sort(map.begin(), map.end(), [](auto& a, auto& b) { return a.first < b.first; });
  return {std::move(map)};
}

Value tree_of(const Message& message, bool sparse) {
  Value::Map map;
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.is_map() || field.is_repeated()) {
      const int size = reflection.FieldSize(message, &field);
      if (sparse && size == 0) continue;
      if (field.is_map()) {
        map.emplace_back(field.name(), map_value(message, field));
        continue;
      }
      Value::List list;
      for (int k = 0; k < size; ++k) list.push_back(field_value(message, field, k, sparse));
      map.emplace_back(field.name(), Value{std::move(list)});
      continue;
    }
    const bool optional = sparse || field.has_presence();
    if (optional && !reflection.HasField(message, &field)) continue;
    map.emplace_back(field.name(), field_value(message, field, -1, sparse));
  }
  return {std::move(map)};
}

}  // namespace

Value value_of(const Message& message) { return message_value(message, false); }

}  // namespace culvert::cli
