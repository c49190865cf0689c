// The bound is the service's, said here where the line is known.
#include "control/cli/key_text.h"

#include "proto/words.h"
#include "relay/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace culvert::cli {
namespace {

constexpr size_t kMostKeys = 100;

Error bad(std::string detail) {
  return Error::client(Code::kBadRequest, Stage::kNone, std::move(detail));
}

Result<void> add(std::string_view word, size_t line, std::vector<Secret>* keys) {
  word = trim(word);
  if (word.empty()) return {};
  if (const Flaw flaw = key_flaw(word)) return bad(fmt::format("line {}: {}", line, *flaw));
  Secret key(word);
  if (std::find(keys->begin(), keys->end(), key) != keys->end()) return {};
  if (keys->size() == kMostKeys) {
    return bad(fmt::format("line {}: more than {} keys; test them in parts", line, kMostKeys));
  }
  keys->push_back(std::move(key));
  return {};
}

}  // namespace

Result<std::vector<Secret>> parse_keys(std::string_view text) {
  std::vector<Secret> keys;
  size_t line = 1;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(",\r\n"), text.size());
    CULVERT_CHECK(add(text.substr(0, end), line, &keys));
    if (end == text.size()) break;
    if (text[end] == '\n') ++line;
    text.remove_prefix(end + 1);
  }
  if (keys.empty()) return bad("there is no key; needed is one a line, or with commas between");
  return keys;
}

}  // namespace culvert::cli
