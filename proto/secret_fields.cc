// Reflection over what is set; maps are not looked into, because none of ours holds messages.
#include "proto/secret_fields.h"

#include <google/protobuf/descriptor.h>

#include <vector>

namespace culvert {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

void walk(Message* message,
          const std::string& field_path,
          const std::string& path,
          const SecretVisitor& visit) {
  if (auto* secret = dynamic_cast<v1::Secret*>(message)) return visit(field_path, path, secret);
  const auto& reflection = *message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
    const std::string dot = path.empty() ? "" : ".";
    const std::string below = field_path + dot + field->name();
    const std::string at = path + dot + field->name();
    if (!field->is_repeated()) {
      walk(reflection.MutableMessage(message, field), below, at, visit);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(*message, field); ++i) {
      walk(reflection.MutableRepeatedMessage(message, field, i), below,
           at + "[" + std::to_string(i) + "]", visit);
    }
  }
}

}  // namespace

void each_secret(Message* message, const SecretVisitor& visit) { walk(message, "", "", visit); }

}  // namespace culvert
