// CRC-32C (RFC 3720 appendix B.4): tells a record that was half written, or that the disk changed,
// and a PROXY header that was damaged. Guards against accidents, not against people.
#pragma once

#include <cstdint>
#include <string_view>

namespace culvert {

uint32_t crc32c(std::string_view bytes);

}  // namespace culvert
