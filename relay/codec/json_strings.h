// A list of strings out of a small JSON document that a person or a script wrote.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// Of an array of strings, of an object's member `name` that is one, or a single string there.
// nullopt where the text is nothing of that.
std::optional<std::vector<std::string>> json_strings(std::string_view json, std::string_view name);

}  // namespace culvert
