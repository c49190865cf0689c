// Four bytes at a time through four tables, which are computed when this is compiled.
#include "relay/base/crc32c.h"

#include <array>
#include <cstddef>

namespace culvert {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;  // Castagnoli's, its bits reversed

using Table = std::array<uint32_t, 256>;

constexpr std::array<Table, 4> tables() {
  std::array<Table, 4> out{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1U) ^ ((rest & 1U) != 0 ? kPolynomial : 0);
    out[0][byte] = rest;
  }
  for (size_t table = 1; table < out.size(); ++table) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = out[table - 1][byte];
      out[table][byte] = (before >> 8U) ^ out[0][before & 0xFFU];
    }
  }
  return out;
}

constexpr std::array<Table, 4> kTables = tables();

uint32_t byte_at(std::string_view bytes, size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t rest = ~0U;
  size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    rest ^= byte_at(bytes, at) | byte_at(bytes, at + 1) << 8U | byte_at(bytes, at + 2) << 16U |
            byte_at(bytes, at + 3) << 24U;
    rest = kTables[3][rest & 0xFFU] ^ kTables[2][rest >> 8U & 0xFFU] ^
           kTables[1][rest >> 16U & 0xFFU] ^ kTables[0][rest >> 24U];
  }
  for (; at < bytes.size(); ++at) {
    rest = (rest >> 8U) ^ kTables[0][(rest ^ byte_at(bytes, at)) & 0xFFU];
  }
  return ~rest;
}

}  // namespace culvert
