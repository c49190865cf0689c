// Which vendor's API an upstream or an endpoint speaks. Here and not in config, because pure codecs
// ask for it too.
#pragma once

#include <cstdint>

namespace culvert {

enum class Dialect : uint8_t { kOpaque, kOpenAi, kAnthropic, kGemini };

}  // namespace culvert
