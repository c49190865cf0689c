// One function for each shape of a field: message, list, map, scalar.
#include "proto/yaml_spec.h"

#include "proto/scalars.h"
#include "proto/suggest.h"
#include "relay/base/text.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>

#include <limits>

namespace culvert {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::string_view kDuration = "google.protobuf.Duration";
constexpr std::string_view kSecret = "culvert.v1.Secret";

struct FieldAt {
  const SpecContext& context;
  const std::string& path;
  const YamlNode& node;
  const FieldDescriptor& field;
  Message* message;

  bool of_secrets() const {
    return field.message_type() != nullptr && field.message_type()->full_name() == kSecret;
  }
  Error error(std::string_view message_text) const {
    return config_error(file_and_line(context.file, node.line), message_text);
  }
  // Says what was found, but never the text that somebody wrote where a secret belongs.
  Error wrong(std::string_view what) const {
    std::string_view shown = node.words();
    std::string value;
    if (node.kind == YamlNode::Kind::kScalar && !of_secrets()) shown = value = in_quotes(node.text);
    return error(in_quotes(field.name()) + " cannot be " + std::string(shown) + "; allowed is " +
                 std::string(what));
  }
};

bool is_scalar(const YamlNode& node) { return node.kind == YamlNode::Kind::kScalar; }

Result<uint64_t> read_whole(const FieldAt& at, uint64_t most) {
  static constexpr std::string_view kBytes = "_bytes";
  const std::string& name = at.field.name();
  const bool bytes = name.size() > kBytes.size() &&
                     name.compare(name.size() - kBytes.size(), kBytes.size(), kBytes) == 0;
  if (is_scalar(at.node) && bytes) {
    if (const auto size = parse_size(at.node.text); size && *size <= most) return *size;
    return at.wrong(kSizeWords);
  }
  if (is_scalar(at.node) && at.node.plain) {
    if (const auto number = parse_whole(at.node.text, most)) return *number;
  }
  return at.wrong("a whole number from 0 to " + std::to_string(most));
}

Result<bool> read_bool(const FieldAt& at) {
  if (is_scalar(at.node) && at.node.plain) {
    if (const auto truth = parse_bool(at.node.text)) return *truth;
  }
  return at.wrong(kBoolWords);
}

Result<const EnumValueDescriptor*> read_enumerator(const FieldAt& at) {
  std::vector<std::string> words;
  const auto& type = *at.field.enum_type();
  for (int i = 0; i < type.value_count(); ++i) {
    words.push_back(enumerator_word(*type.value(i)));
    if (is_scalar(at.node) && at.node.text == words.back()) return type.value(i);
  }
  const std::vector<std::string_view> views(words.begin(), words.end());
  return at.error(in_quotes(at.field.name()) + " cannot be " +
                  (is_scalar(at.node) ? in_quotes(at.node.text) : std::string(at.node.words())) +
                  "; " + what_is_allowed(at.node.text, views));
}

Result<std::string> read_text(const FieldAt& at) {
  if (is_scalar(at.node)) return at.node.text;
  return at.wrong("one text");
}

Result<void> read_sub_message(const FieldAt& at, Message* sub) {
  const std::string& type = sub->GetDescriptor()->full_name();
  if (type == kDuration) {
    const auto duration = is_scalar(at.node) ? parse_duration(at.node.text) : std::nullopt;
    if (!duration) return at.wrong(kDurationWords);
    sub->CopyFrom(to_proto(*duration));
    return {};
  }
  if (type == kSecret && is_scalar(at.node)) {
    static_cast<v1::Secret*>(sub)->set_value(at.node.text);
    return {};
  }
  if (type == kSecret && at.node.kind != YamlNode::Kind::kMap) {
    return at.wrong("env:NAME, file:PATH or the value");
  }
  return read_message(at.context, at.path, at.node, sub);
}

// Calls `set` or, for an element of a list, `add` of the reflection with the value in its type.
Result<void> read_value(const FieldAt& at, bool repeated) {
  const Reflection& reflection = *at.message->GetReflection();
  const auto store = [&](auto set, auto add, auto value) {
    repeated ? (reflection.*add)(at.message, &at.field, std::move(value))
             : (reflection.*set)(at.message, &at.field, std::move(value));
  };
  switch (at.field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      store(&Reflection::SetString, &Reflection::AddString, CULVERT_TRY(read_text(at)));
      return {};
    case FieldDescriptor::CPPTYPE_BOOL:
      store(&Reflection::SetBool, &Reflection::AddBool, CULVERT_TRY(read_bool(at)));
      return {};
    case FieldDescriptor::CPPTYPE_UINT32:
      store(
          &Reflection::SetUInt32, &Reflection::AddUInt32,
          static_cast<uint32_t>(CULVERT_TRY(read_whole(at, std::numeric_limits<uint32_t>::max()))));
      return {};
    case FieldDescriptor::CPPTYPE_UINT64:
      store(&Reflection::SetUInt64, &Reflection::AddUInt64,
            CULVERT_TRY(read_whole(at, std::numeric_limits<uint64_t>::max())));
      return {};
    case FieldDescriptor::CPPTYPE_ENUM:
      store(&Reflection::SetEnum, &Reflection::AddEnum, CULVERT_TRY(read_enumerator(at)));
      return {};
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return read_sub_message(at, repeated ? reflection.AddMessage(at.message, &at.field)
                                           : reflection.MutableMessage(at.message, &at.field));
    default:
      return at.error(in_quotes(at.field.name()) + " has a type that files do not carry");
  }
}

Result<void> read_list(const FieldAt& at) {
  if (at.node.kind != YamlNode::Kind::kSequence) return at.wrong("a list");
  for (size_t i = 0; i < at.node.items.size(); ++i) {
    const YamlNode& item = at.node.items[i];
    const std::string path = at.path + "[" + std::to_string(i) + "]";
    at.context.places->put(at.context.kind, at.context.name, path,
                           file_and_line(at.context.file, item.line));
    CULVERT_CHECK(read_value({at.context, path, item, at.field, at.message}, true));
  }
  return {};
}

// Maps are lists of entries to protobuf's reflection; all of ours go from text to text.
Result<void> read_text_map(const FieldAt& at) {
  if (at.node.kind != YamlNode::Kind::kMap) return at.wrong("a map");
  for (size_t i = 0; i + 1 < at.node.items.size(); i += 2) {
    const YamlNode& key = at.node.items[i];
    const YamlNode& value = at.node.items[i + 1];
    const std::string path = at.path + "[" + key.text + "]";
    at.context.places->put(at.context.kind, at.context.name, path,
                           file_and_line(at.context.file, key.line));
    const auto text = CULVERT_TRY(read_text({at.context, path, value, at.field, at.message}));
    Message* entry = at.message->GetReflection()->AddMessage(at.message, &at.field);
    entry->GetReflection()->SetString(entry, at.field.message_type()->map_key(), key.text);
    entry->GetReflection()->SetString(entry, at.field.message_type()->map_value(), text);
  }
  return {};
}

std::vector<std::string_view> field_names(const Message& message) {
  std::vector<std::string_view> names;
  const auto& type = *message.GetDescriptor();
  names.reserve(static_cast<size_t>(type.field_count()));
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

}  // namespace

Result<void> read_message(const SpecContext& context,
                          const std::string& path,
                          const YamlNode& node,
                          Message* message) {
  const auto& type = *message->GetDescriptor();
  if (node.kind != YamlNode::Kind::kMap) {
    return config_error(file_and_line(context.file, node.line),
                        in_quotes(path.empty() ? "spec" : path) + " cannot be " +
                            std::string(node.words()) + "; allowed is a map of fields");
  }
  for (size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const YamlNode& key = node.items[i];
    const FieldDescriptor* field = type.FindFieldByName(key.text);
    const std::string place = file_and_line(context.file, key.line);
    if (field == nullptr && type.full_name() == kSecret) {
      return config_error(place, "an unknown field in a Secret; allowed is value");
    }
    if (field == nullptr) {
      return config_error(place, "unknown field " + in_quotes(key.text) + " in " + type.name() +
                                     "; " + what_is_allowed(key.text, field_names(*message)));
    }
    const std::string field_path = path.empty() ? key.text : path + "." + key.text;
    context.places->put(context.kind, context.name, field_path, place);
    const FieldAt at{context, field_path, node.items[i + 1], *field, message};
    CULVERT_CHECK(field->is_map()        ? read_text_map(at)
                  : field->is_repeated() ? read_list(at)
                                         : read_value(at, false));
  }
  return {};
}

std::string enumerator_word(const EnumValueDescriptor& value) {
  std::string prefix;  // MIN_VERSION_ of MinVersion
  for (const char c : value.type()->name()) {
    if (c >= 'A' && c <= 'Z' && !prefix.empty()) prefix += '_';
    prefix += lower(c);
  }
  prefix += '_';
  std::string word = lower(value.name());
  return word.compare(0, prefix.size(), prefix) == 0 ? word.substr(prefix.size()) : word;
}

}  // namespace culvert
