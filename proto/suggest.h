// Near misses: what somebody who wrote a word wrongly may have meant. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// The candidate nearest to the word, or "" where none is near: at most a third of the word's
// letters differ (one where it is short). A case difference counts as no difference.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// `did you mean "x"?`, or where nothing is near, `allowed are a, b, c`.
std::string what_is_allowed(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace culvert
