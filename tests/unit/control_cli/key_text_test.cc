// Keys as people write them into a file.
#include "control/cli/key_text.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

std::vector<std::string> read(std::string_view text) {
  std::vector<std::string> out;
  const auto keys = parse_keys(text);
  EXPECT_TRUE(keys) << keys.error().detail;
  for (const Secret& key : *keys) out.emplace_back(key.reveal());
  return out;
}

using Words = std::vector<std::string>;

TEST(KeyText, LinesAndCommas) {
  EXPECT_EQ(read("a\nb\n"), (Words{"a", "b"}));
  EXPECT_EQ(read("a, b,c"), (Words{"a", "b", "c"}));
  EXPECT_EQ(read("\r\n a \r\n\n,b,\n"), (Words{"a", "b"}));
  EXPECT_EQ(read("a\nb\na"), (Words{"a", "b"}));
}

TEST(KeyText, ErrorsSayTheLineAndNotTheKey) {
  const auto refused = parse_keys("good\n\nsk bad\n");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail.rfind("line 3: ", 0), 0U) << refused.error().detail;
  EXPECT_EQ(refused.error().detail.find("sk bad"), std::string::npos);
  EXPECT_FALSE(parse_keys(" \n,\n"));
  EXPECT_FALSE(parse_keys(""));
}

TEST(KeyText, AtMostAHundred) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "key-" + std::to_string(i) + "\n";
  EXPECT_EQ(read(text).size(), 100U);
  EXPECT_EQ(read(text + "key-1\n").size(), 100U);
  const auto refused = parse_keys(text + "one-more");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail.rfind("line 101: ", 0), 0U);
}

}  // namespace
}  // namespace culvert::cli
