// Comparing of digests.
#include "relay/gate/tokens.h"

#include "relay/base/limits.h"

#include <algorithm>

namespace culvert {

Tokens::Tokens(const std::vector<Secret>& tokens) {
  for (const Secret& token : tokens) digests_.push_back(sha256(token.reveal()));
}

bool Tokens::is_token(std::string_view text) const {
  // Shorter than any token may be: an alias, a method; not worth a digest.
  if (text.size() < limits::kTokenBytesLeast || digests_.empty()) return false;
  const Digest asked = sha256(text);
  const std::string_view asked_view(reinterpret_cast<const char*>(asked.data()), asked.size());
  bool found = false;
  for (const Digest& digest : digests_) {
    const std::string_view view(reinterpret_cast<const char*>(digest.data()), digest.size());
    found = equal_in_constant_time(asked_view, view) || found;
  }
  return found;
}

bool Tokens::mentions_token(std::string_view text) const {
  if (digests_.empty()) return false;
  constexpr std::string_view kSeparators = " \t,;\"'=";
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(kSeparators), text.size());
    if (is_token(text.substr(0, end))) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

}  // namespace culvert
