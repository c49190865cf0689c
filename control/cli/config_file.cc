// On proto's bounded YAML tree; written with quoted strings, which need no emitter.
#include "control/cli/config_file.h"

#include "control/cli/files.h"
#include "control/cli/value.h"
#include "proto/scalars.h"
#include "proto/suggest.h"
#include "proto/yaml_tree.h"

namespace culvert::cli {
namespace {

constexpr size_t kMostBytes = 256 * 1024;  // thousands of contexts

using Kind = YamlNode::Kind;

Result<std::string> word(std::string_view file, std::string_view key, const YamlNode& node) {
  if (node.kind == Kind::kScalar) return node.text;
  return config_error(
      file_and_line(file, node.line),
      std::string(key) + " cannot be " + std::string(node.words()) + "; needed is a text");
}

Error unknown(std::string_view file,
              const YamlNode& key,
              const std::vector<std::string_view>& known) {
  return config_error(file_and_line(file, key.line), "unknown field " + in_quotes(key.text) + "; " +
                                                         what_is_allowed(key.text, known));
}

Result<Context> read_context(std::string_view file, const YamlNode& node) {
  if (node.kind != Kind::kMap) {
    return config_error(file_and_line(file, node.line),
                        "a context cannot be " + std::string(node.words()) +
                            "; needed is a map of server, ca and token");
  }
  Context context;
  for (size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const YamlNode& key = node.items[i];
    if (key.text != "server" && key.text != "ca" && key.text != "token") {
      return unknown(file, key, {"server", "ca", "token"});
    }
    std::string value = CULVERT_TRY(word(file, key.text, node.items[i + 1]));
    if (key.text == "server")
      context.server = std::move(value);
    else if (key.text == "ca")
      context.ca = std::move(value);
    else
      context.token = Secret(value);
  }
  return context;
}

}  // namespace

Result<ConfigFile> parse_config(std::string_view file, std::string_view text) {
  const auto documents = CULVERT_TRY(parse_yaml_tree(file, text));
  ConfigFile config;
  if (documents.empty()) return config;
  const YamlNode& root = documents.front();
  if (root.kind != Kind::kMap || documents.size() > 1) {
    return config_error(file_and_line(file, root.line),
                        "needed is one map of current and contexts");
  }
  for (size_t i = 0; i + 1 < root.items.size(); i += 2) {
    const YamlNode& key = root.items[i];
    const YamlNode& value = root.items[i + 1];
    if (key.text == "current") {
      config.current = CULVERT_TRY(word(file, "current", value));
    } else if (key.text == "contexts") {
      if (value.kind == Kind::kNull) continue;
      if (value.kind != Kind::kMap) {
        return config_error(file_and_line(file, value.line),
                            "contexts cannot be " + std::string(value.words()) +
                                "; needed is a map from names to services");
      }
      for (size_t k = 0; k + 1 < value.items.size(); k += 2) {
        config.contexts[value.items[k].text] = CULVERT_TRY(read_context(file, value.items[k + 1]));
      }
    } else {
      return unknown(file, key, {"current", "contexts"});
    }
  }
  return config;
}

std::string print_config(const ConfigFile& config) {
  std::string out =
      "# Services that `culvert` speaks to. It holds tokens: keep its mode at 0600.\n";
  out += "current: " + json_text(config.current) + "\ncontexts:";
  if (config.contexts.empty()) out += " {}";
  out += '\n';
  for (const auto& [name, context] : config.contexts) {
    out += "  " + json_text(name) + ":\n    server: " + json_text(context.server) + "\n";
    if (!context.ca.empty()) out += "    ca: " + json_text(context.ca) + "\n";
    out += "    token: " + json_text(context.token.reveal()) + "\n";
  }
  return out;
}

Result<ConfigFile> load_config(const std::string& path) {
  if (path.empty() || !exists(path)) return ConfigFile{};
  const FileText file = CULVERT_TRY(read_file(path, kMostBytes));
  if (file.others_read) {
    return config_error(path,
                        "every user of this machine can read it, and it holds tokens; run: "
                        "chmod 600 " +
                            path);
  }
  return parse_config(path, file.text);
}

Result<void> save_config(const std::string& path, const ConfigFile& config) {
  CULVERT_CHECK(make_folder_of(path));
  return write_file(path, [&](const Sink& sink) { return sink(print_config(config)); });
}

}  // namespace culvert::cli
