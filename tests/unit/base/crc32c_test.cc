// Against the vectors of RFC 3720 appendix B.4, and against itself at every length.
#include "relay/base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

TEST(Crc32c, GivesTheStandardsVectors) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending += c;
  EXPECT_EQ(crc32c(ascending), 0x46DD794EU);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(Crc32c, EveryBitCountsAtEveryLength) {
  for (size_t size = 1; size <= 16; ++size) {
    const std::string text(size, 'a');
    for (size_t bit = 0; bit < size * 8; ++bit) {
      std::string other = text;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_NE(crc32c(text), crc32c(other)) << size << " " << bit;
    }
  }
}

}  // namespace
}  // namespace culvert
