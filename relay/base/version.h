// The version that --version, the status page and the metrics tell. Set by the build.
#pragma once

#include <string_view>

namespace culvert {

inline constexpr std::string_view kVersion = CULVERT_VERSION;

}  // namespace culvert
