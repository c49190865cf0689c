// Keys as a file holds them that somebody wrote by hand. Pure.
#pragma once

#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <string_view>
#include <vector>

namespace culvert::cli {

// One a line, or with commas between; spaces around them and empty lines are passed over, and one
// that comes twice counts once. Errors say the line, and never hold the key.
Result<std::vector<Secret>> parse_keys(std::string_view text);

}  // namespace culvert::cli
