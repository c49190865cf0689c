// Lists of keys, and values of Authorization.
#include "relay/gate/key_list.h"

#include "relay/base/limits.h"
#include "tests/unit/gate/asked.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

class KeyListTest : public testing::Test {
 protected:
  std::vector<std::string> keys(std::string_view text) const {
    std::vector<std::string> out;
    for (const Secret& key : parse_key_list(text, tokens_).keys) out.emplace_back(key.reveal());
    return out;
  }
  const Tokens tokens_ = gate_test::two_tokens();
};

using Texts = std::vector<std::string>;

TEST_F(KeyListTest, SplitsTrimsAndDropsWhatIsEmptyOrDouble) {
  EXPECT_EQ(keys("k1"), (Texts{"k1"}));
  EXPECT_EQ(keys(" k1 ,k2,, k3 ,k1,"), (Texts{"k1", "k2", "k3"}));
  EXPECT_EQ(keys(""), Texts{});
  EXPECT_EQ(keys(" , ,"), Texts{});
}

TEST_F(KeyListTest, TakesTheTokenOutOfTheList) {
  const std::string text = "k1," + std::string(gate_test::kToken) + ", k2";
  EXPECT_EQ(keys(text), (Texts{"k1", "k2"}));
  EXPECT_EQ(parse_key_list(text, tokens_).token.reveal(), gate_test::kToken);
  EXPECT_TRUE(parse_key_list("k1,k2", tokens_).token.empty());
}

TEST_F(KeyListTest, ATokenMayHoldAComma) {
  const Tokens tokens({Secret("token,with,commas-012345")});
  const KeyList list = parse_key_list("token,with,commas-012345", tokens);
  EXPECT_TRUE(list.keys.empty());
  EXPECT_FALSE(list.token.empty());
}

TEST_F(KeyListTest, BoundsTheList) {
  std::string text = "k0";
  for (size_t i = 1; i < limits::kKeysPerRequest; ++i) text += ",k" + std::to_string(i);
  EXPECT_EQ(keys(text).size(), limits::kKeysPerRequest);
  EXPECT_FALSE(parse_key_list(text, tokens_).too_many);
  EXPECT_TRUE(parse_key_list(text + ",more", tokens_).too_many);
  // Also where all of them are the same: each would be hashed.
  EXPECT_TRUE(parse_key_list(std::string(60000, ','), tokens_).too_many);
}

TEST_F(KeyListTest, KeysAreVisibleAscii) {
  EXPECT_FALSE(parse_key_list("sk-abc_DEF.123", tokens_).malformed);
  for (const char* text : {"a b", "a\tb", "a\r\nX: y", "k\xC3\xA9y", "a\x7F"}) {
    EXPECT_TRUE(parse_key_list(text, tokens_).malformed) << text;
  }
}

TEST(Scheme, IsTheFirstOfTwoWords) {
  EXPECT_EQ(split_scheme("Bearer k").scheme, "Bearer");
  EXPECT_EQ(split_scheme("Bearer   k ").rest, "k");
  EXPECT_EQ(split_scheme("Bearer\tk").rest, "k");
  EXPECT_EQ(split_scheme("k").scheme, "");
  EXPECT_EQ(split_scheme("k").rest, "k");
  EXPECT_EQ(split_scheme("Bearer").scheme, "Bearer");
  EXPECT_EQ(split_scheme("bearer ").rest, "");
  EXPECT_EQ(split_scheme("").rest, "");
  EXPECT_EQ(split_scheme("Digest a=1, b=2").rest, "a=1, b=2");
}

TEST(Scheme, BearerInAnyCase) {
  EXPECT_TRUE(is_bearer("bEARER"));
  EXPECT_FALSE(is_bearer("Bearer2"));
  EXPECT_FALSE(is_bearer(""));
}

}  // namespace
}  // namespace culvert
