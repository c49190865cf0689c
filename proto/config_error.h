// The one form of every error of configuration: `PLACE: what is wrong; what is allowed`.
#pragma once

#include "relay/base/result.h"

#include <string>
#include <string_view>

namespace culvert {

// `place` is FILE:LINE or a variable. The message holds no secret; it stays on one line.
inline Error config_error(std::string_view place, std::string_view message) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     std::string(place) + ": " + std::string(message));
}

inline std::string file_and_line(std::string_view file, int line) {
  return std::string(file) + ":" + std::to_string(line);
}

}  // namespace culvert
