// Marks may only ever save a comparison: equal names are equal however they are spelled, and names
// whose marks agree by chance stay different.
#include "relay/base/field_name.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace culvert {
namespace {

TEST(FieldName, IsEqualWithoutCase) {
  EXPECT_EQ(FieldName("Content-Length"), FieldName(std::string("cONTENT-lENGTH")));
  EXPECT_EQ(FieldName(""), FieldName(std::string_view()));
  EXPECT_FALSE(FieldName("") == FieldName("a"));
  EXPECT_FALSE(FieldName("x-a") == FieldName("x_a"));
  EXPECT_FALSE(FieldName("a^") == FieldName("a~"));  // a bit apart, as letters of two cases are
}

TEST(FieldName, ComparesTextWhereMarksAgree) {
  const FieldName one("abxcd");
  const FieldName other("aexfd");
  EXPECT_EQ(one.mark(), other.mark());
  EXPECT_FALSE(one == other);
  const std::string length(256 + 4, 'a');  // of which a mark keeps eight bits
  EXPECT_EQ(FieldName(length).mark(), FieldName("aaaa").mark());
  EXPECT_FALSE(FieldName(length) == FieldName("aaaa"));
}

TEST(FieldName, MarksLowLinesAsHyphens) {
  EXPECT_EQ(FieldName("x_").mark(), FieldName("X-").mark());
  EXPECT_EQ(FieldName("_").mark(), FieldName("-").mark());
}

TEST(FieldTable, FindsEachName) {
  static constexpr std::array<std::string_view, 5> kNames = {"host", "Accept", "abxcd", "aexfd",
                                                             "te"};
  static constexpr FieldTable kTable{kNames};
  for (size_t i = 0; i < kNames.size(); ++i) EXPECT_EQ(kTable.find(kNames[i]), i) << kNames[i];
  EXPECT_EQ(kTable.find("HOST"), 0U);
  EXPECT_EQ(kTable.find("accept"), 1U);
  for (const char* other : {"", "hos", "hosts", "agxhd", "accept-encoding", "t_"}) {
    EXPECT_FALSE(kTable.contains(other)) << other;
  }
}

}  // namespace
}  // namespace culvert
