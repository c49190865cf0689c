// Code points of good and of bad UTF-8.
#include "relay/codec/utf8.h"

#include <gtest/gtest.h>

namespace culvert::test {
namespace {

TEST(Utf8, CountsCodePointsAndNeverHalves) {
  const std::string_view text = "aé流🦊";
  EXPECT_EQ(count_points(text), 4U);
  EXPECT_EQ(last_points(text, 2), "流🦊");
  EXPECT_EQ(last_points(text, 9), text);
  EXPECT_EQ(first_points(text, 3), "aé流");
  EXPECT_EQ(first_points(text, 0), "");
  EXPECT_EQ(first_point("🦊").value, 0x1F98AU);
}

TEST(Utf8, CountsABadByteAsOne) {
  for (const std::string_view bad : {"\xFF", "\xC0\x80", "\xE2\x82", "\xED\xA0\x80", "\xF5\x80"}) {
    EXPECT_EQ(first_point(bad).size, 1U) << bad;
    EXPECT_EQ(first_point(bad).value, 0xFFFDU) << bad;
  }
}

TEST(Utf8, WritesWhatItReads) {
  for (const uint32_t point : {0x24U, 0xE9U, 0x6D41U, 0x1F98AU}) {
    std::string out;
    append_utf8(point, &out);
    EXPECT_EQ(first_point(out).value, point);
    EXPECT_EQ(first_point(out).size, out.size());
  }
}

}  // namespace
}  // namespace culvert::test
