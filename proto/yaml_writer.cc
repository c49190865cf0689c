// Messages back into YAML, secrets masked. The emitter quotes where it must.
#include "proto/scalars.h"
#include "proto/words.h"
#include "proto/yaml.h"
#include "proto/yaml_spec.h"
#include "relay/base/secret.h"

#include <google/protobuf/descriptor.h>
#include <yaml-cpp/emitter.h>

#include <algorithm>
#include <vector>

namespace culvert {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void write_message(YAML::Emitter* out, const Message& message);

std::string shown(const std::string& secret) {
  return is_reference(secret) || is_masked(secret) ? secret : mask(secret);
}

void write_sub_message(YAML::Emitter* out, const Message& message) {
  if (const auto* secret = dynamic_cast<const v1::Secret*>(&message)) {
    *out << shown(secret->value());
  } else if (const auto* duration = dynamic_cast<const google::protobuf::Duration*>(&message)) {
    *out << print_duration(from_proto(*duration));
  } else {
    write_message(out, message);
  }
}

// Of a list where `index` is not negative.
void write_value(YAML::Emitter* out,
                 const Message& message,
                 const FieldDescriptor& field,
                 int index) {
  const Reflection& reflection = *message.GetReflection();
  const auto value = [&](auto single, auto element) {
    return index < 0 ? (reflection.*single)(message, &field)
                     : (reflection.*element)(message, &field, index);
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      *out << value(&Reflection::GetString, &Reflection::GetRepeatedString);
      return;
    case FieldDescriptor::CPPTYPE_BOOL:
      *out << value(&Reflection::GetBool, &Reflection::GetRepeatedBool);
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      *out << value(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32);
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      *out << value(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64);
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      *out << enumerator_word(*value(&Reflection::GetEnum, &Reflection::GetRepeatedEnum));
      return;
    default:
      write_sub_message(out, index < 0 ? reflection.GetMessage(message, &field)
                                       : reflection.GetRepeatedMessage(message, &field, index));
  }
}

void write_text_map(YAML::Emitter* out, const Message& message, const FieldDescriptor& field) {
  std::vector<std::pair<std::string, std::string>> entries;  // sorted: protobuf's order is none
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    entries.emplace_back(
        entry.GetReflection()->GetString(entry, field.message_type()->map_key()),
        entry.GetReflection()->GetString(entry, field.message_type()->map_value()));
  }
  std::sort(entries.begin(), entries.end());
  *out << YAML::BeginMap;
  for (const auto& [key, value] : entries) *out << YAML::Key << key << YAML::Value << value;
  *out << YAML::EndMap;
}

void write_message(YAML::Emitter* out, const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  *out << YAML::BeginMap;
  for (const FieldDescriptor* field : fields) {
    *out << YAML::Key << field->name() << YAML::Value;
    if (field->is_map()) {
      write_text_map(out, message, *field);
    } else if (field->is_repeated()) {
      *out << YAML::BeginSeq;
      const int size = message.GetReflection()->FieldSize(message, field);
      for (int i = 0; i < size; ++i) write_value(out, message, *field, i);
      *out << YAML::EndSeq;
    } else {
      write_value(out, message, *field, -1);
    }
  }
  *out << YAML::EndMap;
}

}  // namespace

std::string to_yaml(std::string_view kind, std::string_view name, const Message& spec) {
  try {
    YAML::Emitter out;
    out << YAML::BeginMap;
    out << YAML::Key << "kind" << YAML::Value << std::string(kind);
    out << YAML::Key << "name" << YAML::Value << std::string(name);
    out << YAML::Key << "spec" << YAML::Value;
    write_message(&out, spec);
    out << YAML::EndMap;
    return std::string(out.c_str()) + "\n";
  } catch (const std::exception&) {  // of the emitter or of memory
    return {};
  }
}

std::string to_yaml(const Resources& resources) {
  std::string out;
  const auto add = [&out](std::string_view kind, std::string_view name, const Message& spec) {
    if (!out.empty()) out += "---\n";
    out += to_yaml(kind, name, spec);
  };
  if (!resources.relay_name.empty()) add("Relay", resources.relay_name, resources.relay);
  for (const auto& [name, spec] : resources.upstreams) add("Upstream", name, spec);
  for (const auto& [name, spec] : resources.key_pools) add("KeyPool", name, spec);
  for (const auto& [name, spec] : resources.routes) add("Route", name, spec);
  for (const auto& [name, spec] : resources.tunnels) add("Tunnel", name, spec);
  return out;
}

}  // namespace culvert
