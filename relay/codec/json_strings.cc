// See json_strings.h.
#include "relay/codec/json_strings.h"

#include "relay/codec/document.h"

namespace culvert {

std::optional<std::vector<std::string>> json_strings(std::string_view json, std::string_view name) {
  const Document document(json);
  const auto root = document.root();
  if (!root) return std::nullopt;
  const auto list = root->is_object() ? member(root, name) : root;
  if (const auto one = text_of(list)) return std::vector<std::string>{std::string(*one)};
  if (!list || !list->is_array()) return std::nullopt;
  std::vector<std::string> out;
  for (const auto& element : elements_of(list)) {
    const auto text = text_of(element);
    if (!text) return std::nullopt;
    out.emplace_back(*text);
  }
  return out;
}

}  // namespace culvert
