// Digests compared without an early end.
#include "relay/gate/tokens.h"

#include "relay/base/limits.h"

#include <algorithm>

namespace culvert {
namespace {

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Where one word of a header's value ends and another begins.
constexpr std::string_view kBetweenWords = " \t,;\"'<>()";

}  // namespace

Tokens::Tokens(const std::vector<Secret>& tokens) {
  for (const Secret& token : tokens) {
    if (!token.empty()) digests_.push_back(sha256(token.reveal()));
  }
}

bool Tokens::is_token(std::string_view text) const {
  const Digest asked = sha256(text);
  unsigned found = 0;
  for (const Digest& digest : digests_) {
    found |= equal_in_constant_time(bytes_of(digest), bytes_of(asked)) ? 1U : 0U;
  }
  return found != 0;
}

bool Tokens::mentions_token(std::string_view value) const {
  if (empty() || value.size() < limits::kTokenBytesLeast) return false;
  if (is_token(value)) return true;
  while (!value.empty()) {
    const size_t end = std::min(value.find_first_of(kBetweenWords), value.size());
    std::string_view word = value.substr(0, end);
    // The word whole, and what follows each "=": a token may itself hold one.
    while (word.size() >= limits::kTokenBytesLeast) {
      if (is_token(word)) return true;
      const size_t equals = word.find('=');
      if (equals == std::string_view::npos) break;
      word.remove_prefix(equals + 1);
    }
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return false;
}

}  // namespace culvert
