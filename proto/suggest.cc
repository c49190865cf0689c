// Levenshtein's distance, one row at a time; words longer than any of ours are not looked at.
#include "proto/suggest.h"

#include "relay/base/text.h"

#include <algorithm>
#include <numeric>

namespace culvert {
namespace {

constexpr size_t kLongestWord = 64;

size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.empty() || word.size() > kLongestWord) return {};
  std::string_view best;
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const size_t apart = distance(word, candidate);
    if (apart < least && apart < candidate.size()) {
      least = apart;
      best = candidate;
    }
  }
  return best;
}

std::string what_is_allowed(std::string_view word,
                            const std::vector<std::string_view>& candidates) {
  if (const auto near = nearest(word, candidates); !near.empty()) {
    return "did you mean \"" + std::string(near) + "\"?";
  }
  std::string out = candidates.size() == 1 ? "allowed is " : "allowed are ";
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (i > 0) out += ", ";
    out += candidates[i];
  }
  return out;
}

}  // namespace culvert
