// ASCII text: case, spaces and lists, with bytes that a locale would treat as letters.
#include "relay/base/text.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace culvert {
namespace {

using Parts = std::vector<std::string_view>;

TEST(Text, LowersAsciiAlone) {
  EXPECT_EQ(lower("Content-LENGTH 42"), "content-length 42");
  EXPECT_EQ(lower("@[`{"), "@[`{");
  EXPECT_EQ(lower("\xC4\xDC"), "\xC4\xDC");
}

TEST(Text, ComparesWithoutCase) {
  EXPECT_TRUE(equal_ignoring_case("Host", "hOST"));
  EXPECT_FALSE(equal_ignoring_case("Host", "Hosts"));
  EXPECT_FALSE(equal_ignoring_case("a-b", "a_b"));
  EXPECT_TRUE(starts_with_ignoring_case("Bearer x", "bearer "));
  EXPECT_FALSE(starts_with_ignoring_case("Bear", "bearer"));
  EXPECT_TRUE(starts_with_ignoring_case("anything", ""));
}

// As a table of lower-case letters says it, at each place of words of each length.
TEST(Text, TakesLettersAloneForEqual) {
  for (size_t size = 1; size <= 20; ++size) {
    const std::string word(size, 'k');
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        for (const char flipped : {'\x20', '\x01', '\x00'}) {
          std::string a = word;
          a[at] = static_cast<char>(c);
          std::string b = a;
          b[at] = static_cast<char>(b[at] ^ flipped);
          ASSERT_EQ(equal_ignoring_case(a, b), lower(a) == lower(b)) << a << " " << b;
        }
      }
    }
  }
}

TEST(Text, FindsAWordOfAList) {
  EXPECT_TRUE(list_has("keep-alive,\tClose ", "close"));
  EXPECT_FALSE(list_has("closed, not-close", "close"));
  EXPECT_FALSE(list_has(",, ,", ""));
  EXPECT_FALSE(list_has("", "close"));
}

TEST(Text, TrimsSpacesAndTabsAlone) {
  EXPECT_EQ(trim(" \t a b \t"), "a b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\r\nx\v"), "\r\nx\v");
}

TEST(Text, SplitsLists) {
  EXPECT_EQ(split_list("a, b ,\tc"), (Parts{"a", "b", "c"}));
  EXPECT_EQ(split_list(",, a,,b,"), (Parts{"a", "b"}));
  EXPECT_EQ(split_list(""), Parts{});
  EXPECT_EQ(split_list(" , "), Parts{});
  EXPECT_EQ(split_list("a b;c", ';'), (Parts{"a b", "c"}));
}

TEST(Text, OrdersWithoutCase) {
  std::map<std::string, int, LessIgnoringCase> map;
  map["Accept"] = 1;
  map["ACCEPT"] = 2;
  map["b"] = 3;
  EXPECT_EQ(map.size(), 2U);
  EXPECT_EQ(map.find(std::string_view("accept"))->second, 2);
  EXPECT_FALSE(LessIgnoringCase()("b", "A"));
  EXPECT_TRUE(LessIgnoringCase()("A", "b"));
}

}  // namespace
}  // namespace culvert
