// SHA-256 (FIPS 180-4): tokens and keys are held and compared as digests. SHA-1 is there for the
// handshake of WebSocket alone, which proves by it that a server understood, not who it is.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace culvert {

using Digest = std::array<uint8_t, 32>;
using Sha1Digest = std::array<uint8_t, 20>;

Digest sha256(std::string_view bytes);
Sha1Digest sha1(std::string_view bytes);

}  // namespace culvert
