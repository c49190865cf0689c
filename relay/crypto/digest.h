// SHA-256 (FIPS 180-4): tokens and keys are held and compared as digests.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace culvert {

using Digest = std::array<uint8_t, 32>;

Digest sha256(std::string_view bytes);

}  // namespace culvert
