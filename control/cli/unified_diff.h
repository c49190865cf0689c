// The difference of two texts as diff -u writes it: what `culvert diff` shows. Pure.
#pragma once

#include <string>
#include <string_view>

namespace culvert::cli {

// Three lines of context; empty where the texts are the same. `before_name` and `after_name` stand
// behind `---` and `+++`. Texts too large to compare in good time are shown as wholly replaced.
std::string unified_diff(std::string_view before_name,
                         std::string_view after_name,
                         std::string_view before,
                         std::string_view after);

}  // namespace culvert::cli
