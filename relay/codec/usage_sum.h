// The vendors' own usage objects added up, member by member and without knowing their names: what
// several attempts at one answer cost together, in the form in which the client expects it.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

// Both are texts of JSON objects, or empty. Whole numbers are added; objects within are added the
// same way; lists whose elements have a "modality" are added by it; of everything else b's stays.
// Members that only one of them has are kept.
std::string usage_sum(std::string_view a, std::string_view b);

// a, and over it what b says anew: vendors report one attempt's usage in several events.
std::string usage_overlaid(std::string_view a, std::string_view b);

}  // namespace culvert
