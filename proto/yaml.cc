// Documents into resources: what is around a spec.
#include "proto/yaml.h"

#include "proto/scalars.h"
#include "proto/suggest.h"
#include "proto/yaml_spec.h"
#include "proto/yaml_tree.h"

#include <algorithm>
#include <array>

namespace culvert {
namespace {

using google::protobuf::Message;

constexpr std::array<std::string_view, 5> kKinds = {"Relay", "Upstream", "KeyPool", "Route",
                                                    "Tunnel"};

struct Document {
  const YamlNode* kind = nullptr;
  const YamlNode* name = nullptr;
  const YamlNode* spec = nullptr;
};

Result<Document> split(std::string_view file, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kMap) {
    return config_error(file_and_line(file, node.line),
                        "a document cannot be " + std::string(node.words()) +
                            "; allowed is a map of kind, name and spec");
  }
  Document document;
  for (size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const YamlNode& key = node.items[i];
    const YamlNode* value = &node.items[i + 1];
    if (key.text == "kind")
      document.kind = value;
    else if (key.text == "name")
      document.name = value;
    else if (key.text == "spec")
      document.spec = value;
    else {
      return config_error(file_and_line(file, key.line),
                          "unknown field " + in_quotes(key.text) + " in a document; " +
                              what_is_allowed(key.text, {"kind", "name", "spec"}));
    }
  }
  return document;
}

Result<std::string> required_text(std::string_view file,
                                  const YamlNode& document,
                                  const YamlNode* value,
                                  std::string_view field,
                                  std::string_view allowed) {
  if (value != nullptr && value->kind == YamlNode::Kind::kScalar && !value->text.empty()) {
    return value->text;
  }
  const int line = value != nullptr ? value->line : document.line;
  return config_error(file_and_line(file, line), "a document without " + in_quotes(field) +
                                                     "; needed is " + std::string(allowed));
}

// Where the spec of a new resource goes, or nullptr where there is one of that kind and name. There
// is one relay, whatever its name.
Message* place_for(Resources* resources, const std::string& kind, const std::string& name) {
  if (kind == "Relay") {
    if (!resources->relay_name.empty()) return nullptr;
    resources->relay_name = name;
    return &resources->relay;
  }
  const auto fresh = [&](auto& map) -> Message* {
    const auto [at, inserted] = map.try_emplace(name);
    return inserted ? &at->second : nullptr;
  };
  if (kind == "Upstream") return fresh(resources->upstreams);
  if (kind == "KeyPool") return fresh(resources->key_pools);
  if (kind == "Tunnel") return fresh(resources->tunnels);
  return fresh(resources->routes);
}

Result<void> read_document(std::string_view file, const YamlNode& node, Resources* resources) {
  const Document document = CULVERT_TRY(split(file, node));
  const std::vector<std::string_view> kinds(kKinds.begin(), kKinds.end());
  const auto kind = CULVERT_TRY(required_text(file, node, document.kind, "kind",
                                              "Relay, Upstream, KeyPool, Route or Tunnel"));
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
    return config_error(file_and_line(file, document.kind->line),
                        "unknown kind " + in_quotes(kind) + "; " + what_is_allowed(kind, kinds));
  }
  const auto name =
      CULVERT_TRY(required_text(file, node, document.name, "name", "a name for this " + kind));
  if (document.spec == nullptr) {
    return config_error(file_and_line(file, node.line),
                        kind + " " + in_quotes(name) + " without \"spec\"; an empty one is {}");
  }
  const std::string place = file_and_line(file, document.name->line);
  Message* spec = place_for(resources, kind, name);
  if (spec == nullptr) {
    const bool relay = kind == "Relay";
    return config_error(
        place, kind + " " + in_quotes(name) + " is the second one, after " +
                   resources->places.find(kind, relay ? resources->relay_name : name, "") +
                   (relay ? "; there is at most one Relay" : "; a name is given once in its kind"));
  }
  resources->places.put(kind, name, "", place);
  const SpecContext context{file, kind, name, &resources->places};
  return read_message(context, "", *document.spec, spec);
}

}  // namespace

Result<Resources> parse_resources(std::string_view file, std::string_view text) {
  const auto documents = CULVERT_TRY(parse_yaml_tree(file, text));
  Resources resources;
  for (const YamlNode& document : documents) {
    CULVERT_CHECK(read_document(file, document, &resources));
  }
  return resources;
}

}  // namespace culvert
