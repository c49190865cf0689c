// yaml-cpp's events into a tree. It throws; nothing of that leaves this file.
#include "proto/yaml_tree.h"

#include "proto/scalars.h"
#include "relay/base/limits.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace culvert {
namespace {

class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode take() { return std::move(root_); }

  // After a stray `,` or `]` the parser gives empty documents for ever without going on.
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos <= last_start_) refuse(mark, "a character that belongs to no value");
    last_start_ = mark.pos;
    root_ = {};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add({YamlNode::Kind::kNull, mark.line + 1, true, {}, {}}, mark, anchor, "");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases are not taken; write the value out");
  }
  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    add({YamlNode::Kind::kScalar, mark.line + 1, tag == "?", value, {}}, mark, anchor, tag);
  }
  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kSequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { path_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { path_.pop_back(); }

 private:
  [[noreturn]] static void refuse(const YAML::Mark& mark, const std::string& message) {
    throw YAML::ParserException(mark, message);
  }

  YamlNode& add(YamlNode node,
                const YAML::Mark& mark,
                YAML::anchor_t anchor,
                const std::string& tag) {
    if (anchor != 0) refuse(mark, "anchors are not taken; write the value out where it is needed");
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "tags are not taken; leave it out");
    if (++nodes_ > limits::kConfigNodes) {
      refuse(mark, "too many values; at most " + std::to_string(limits::kConfigNodes));
    }
    if (path_.empty()) {
      root_ = std::move(node);
      return root_;
    }
    auto& items = path_.back()->items;
    const bool is_key = path_.back()->kind == YamlNode::Kind::kMap && items.size() % 2 == 0;
    if (is_key && node.kind != YamlNode::Kind::kScalar) refuse(mark, "a key has to be a word");
    // Nothing has no place of its own: the parser gives that of what comes next.
    if (node.kind == YamlNode::Kind::kNull && !items.empty()) node.line = items.back().line;
    items.push_back(std::move(node));
    return items.back();
  }

  void open(YamlNode::Kind kind,
            const YAML::Mark& mark,
            const std::string& tag,
            YAML::anchor_t anchor) {
    if (path_.size() >= static_cast<size_t>(limits::kConfigDepth)) {
      refuse(mark,
             "nested too deeply; at most " + std::to_string(limits::kConfigDepth) + " levels");
    }
    // A pointer into the parent's vector stays good: the parent grows only after this one closed.
    path_.push_back(&add({kind, mark.line + 1, false, {}, {}}, mark, anchor, tag));
  }

  YamlNode root_;
  std::vector<YamlNode*> path_;
  size_t nodes_ = 0;
  int last_start_ = -1;  // of the document before, in bytes
};

// Field names are shown; what may be a secret in the wrong place is not.
std::string shown_key(const std::string& key) {
  const bool word = key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
  return word ? in_quotes(key) : "a key";
}

Result<void> check_keys(std::string_view file, const YamlNode& node) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < node.items.size(); ++i) {
    const YamlNode& item = node.items[i];
    const bool is_key = node.kind == YamlNode::Kind::kMap && i % 2 == 0;
    if (is_key && !seen.insert(item.text).second) {
      return config_error(file_and_line(file, item.line),
                          shown_key(item.text) + " is given twice in one map; give it once");
    }
    CULVERT_CHECK(check_keys(file, item));
  }
  return {};
}

// yaml-cpp takes 0x04 for the end of the input and would ignore what follows.
Result<void> check_bytes(std::string_view file, std::string_view text) {
  int line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7F) {
      return config_error(file_and_line(file, line),
                          "a control character; allowed is text in UTF-8");
    }
  }
  return {};
}

}  // namespace

std::string_view YamlNode::words() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return "a value";
    case Kind::kSequence:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "nothing";
}

Result<std::vector<YamlNode>> parse_yaml_tree(std::string_view file, std::string_view text) {
  if (text.size() > limits::kConfigBytes) {
    return config_error(file, "the file is too large; at most " +
                                  std::to_string(limits::kConfigBytes) + " bytes are read");
  }
  CULVERT_CHECK(check_bytes(file, text));
  std::vector<YamlNode> documents;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
      YamlNode document = builder.take();
      if (document.kind != YamlNode::Kind::kNull) documents.push_back(std::move(document));
    }
  } catch (const YAML::Exception& failure) {
    return config_error(file_and_line(file, std::max(failure.mark.line, 0) + 1), failure.msg);
  } catch (const std::exception&) {  // out of memory, or a parser's bug
    return config_error(file, "the file cannot be parsed");
  }
  for (const YamlNode& document : documents) CULVERT_CHECK(check_keys(file, document));
  return documents;
}

}  // namespace culvert
