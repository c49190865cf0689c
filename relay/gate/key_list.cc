// Lists are bounded before anything of them is hashed.
#include "relay/gate/key_list.h"

#include "relay/base/limits.h"
#include "relay/base/text.h"

#include <algorithm>

namespace culvert {
namespace {

// Keys go into a head or a query, so nothing may be in them that could end a field.
bool is_key_text(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

// Is it a token, or was it one?
bool take_token(std::string_view part, const Tokens::Found& found, KeyList* list) {
  if (found.valid) {
    list->token = Secret(part);
    list->issued = found.issued;
  }
  list->expired = list->expired || found.expired;
  return found.valid || found.expired;
}

void add_key(std::string_view part, KeyList* list) {
  if (!is_key_text(part)) list->malformed = true;
  Secret key(part);
  if (std::find(list->keys.begin(), list->keys.end(), key) == list->keys.end()) {
    list->keys.push_back(std::move(key));
  }
}

}  // namespace

KeyList parse_key_list(std::string_view text, const Tokens& tokens) {
  KeyList list;
  text = trim(text);
  if (text.empty()) return list;
  // A token may itself hold a comma where the operator chose so.
  if (take_token(text, tokens.find(text), &list)) return list;
  const auto commas = static_cast<size_t>(std::count(text.begin(), text.end(), ','));
  if (commas == 0) {
    add_key(text, &list);
    return list;
  }
  if (commas >= limits::kKeysPerRequest) {
    list.too_many = true;
    return list;
  }
  for (const std::string_view part : split_list(text)) {
    if (!take_token(part, tokens.find(part), &list)) add_key(part, &list);
  }
  return list;
}

SchemeAndRest split_scheme(std::string_view value) {
  value = trim(value);
  const auto word_end = std::find_if(value.begin(), value.end(),
                                     [](char c) { return c == ' ' || c == '\t'; });
  const auto space = static_cast<size_t>(word_end - value.begin());
  if (space < value.size()) return {value.substr(0, space), trim(value.substr(space))};
  if (is_bearer(value)) return {value, {}};
  return {{}, value};
}

bool is_bearer(std::string_view scheme) { return equal_ignoring_case(scheme, "Bearer"); }

}  // namespace culvert
