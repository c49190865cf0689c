// Which texts are relay tokens, and which values hold one.
#include "relay/gate/tokens.h"

#include "tests/unit/gate/asked.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using gate_test::kOtherToken;
using gate_test::kToken;

class TokensTest : public testing::Test {
 protected:
  const Tokens tokens_ = gate_test::two_tokens();
};

TEST_F(TokensTest, EveryTokenIsOne) {
  EXPECT_TRUE(tokens_.is_token(kToken));
  EXPECT_TRUE(tokens_.is_token(kOtherToken));
}

TEST_F(TokensTest, NothingLikeATokenIsOne) {
  const std::string token(kToken);
  for (const std::string& text :
       {std::string(), token.substr(1), token + "x", token + std::string(1, '\0'),
        "R" + token.substr(1), token + "," + token}) {
    EXPECT_FALSE(tokens_.is_token(text)) << text;
  }
}

// Fault #13: the default token "your-auth-token" and an empty one let everybody in.
TEST_F(TokensTest, WithoutTokensNobodyHasOne) {
  const Tokens none({});
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(none.is_token(""));
  EXPECT_FALSE(none.mentions_token("Bearer something-long-enough"));
  const Tokens blank({Secret("")});
  EXPECT_TRUE(blank.empty());
  EXPECT_FALSE(blank.is_token(""));
}

TEST_F(TokensTest, FindsATokenAmongWords) {
  const std::string token(kToken);
  for (const std::string& value :
       {token, "Bearer " + token, "a=1; t=" + token, "x," + token + ",y", "\"" + token + "\"",
        "k=v=" + token, "Bearer " + std::string(kOtherToken), "t=" + std::string(kOtherToken),
        "https://relay.example/" + token + "/https/site.example/",
        "https://a.example/?key=" + token + "&alt=sse", "a" + token + "b",
        std::string("relay%2Dtoken%2D0123456789"),
        std::string("Basic dXNlcjpyZWxheS10b2tlbi0wMTIzNDU2Nzg5"),
        std::string("bAsIc  cmVsYXktdG9rZW4tMDEyMzQ1Njc4OTo=")}) {
    EXPECT_TRUE(tokens_.mentions_token(value)) << value;
  }
}

TEST_F(TokensTest, FindsATokenAtEveryPlaceOfALongValue) {
  for (const std::string_view token : {kToken, kOtherToken}) {
    for (size_t place = 0; place <= 300; ++place) {
      std::string value(300, '=');
      value.insert(place, token);
      EXPECT_TRUE(tokens_.mentions_token(value)) << place;
      value[place + token.size() / 2] ^= 1;
      EXPECT_FALSE(tokens_.mentions_token(value)) << place;
    }
  }
  // Hashing what follows each "=" would take seconds here.
  EXPECT_FALSE(tokens_.mentions_token("x " + std::string(65'000, '=')));
  EXPECT_TRUE(tokens_.mentions_token(std::string(65'000, '=') + std::string(kToken)));
}

TEST_F(TokensTest, OrdinaryValuesMentionNone) {
  for (const char* value : {"", "Bearer sk-abcdefghijklmnopqrst", "application/json; charset=utf-8",
                            "relay-token", "=================="}) {
    EXPECT_FALSE(tokens_.mentions_token(value)) << value;
  }
}

class IssuedTokensTest : public testing::Test {
 protected:
  static std::string text(char fill) { return "cvt_" + std::string(43, fill); }
  Tokens tokens_of(std::vector<IssuedToken> issued) const { return Tokens({}, issued, clock_); }
  FakeClock clock_;
};

TEST_F(IssuedTokensTest, IsKnownByItsDigestAndTellsWhose) {
  const Tokens tokens = tokens_of({{"t1", "team-a", sha256(text('a')), std::nullopt},
                                   {"t2", "team-b", sha256(text('b')), std::nullopt}});
  ASSERT_TRUE(tokens.is_token(text('a')));
  EXPECT_EQ(tokens.find(text('a')).issued->tenant, "team-a");
  EXPECT_EQ(tokens.find(text('b')).issued->id, "t2");
  EXPECT_FALSE(tokens.is_token(text('c')));
  EXPECT_EQ(tokens.find(text('c')).issued, nullptr);
  EXPECT_FALSE(tokens.empty());
}

TEST_F(IssuedTokensTest, EndsWhenItExpires) {
  const Tokens tokens = tokens_of(
      {{"t1", "", sha256(text('a')), clock_.wall() + std::chrono::seconds(10)}});
  EXPECT_TRUE(tokens.is_token(text('a')));
  EXPECT_FALSE(tokens.find(text('a')).expired);
  clock_.advance(std::chrono::seconds(10));
  EXPECT_FALSE(tokens.is_token(text('a')));
  EXPECT_TRUE(tokens.find(text('a')).expired);
  EXPECT_FALSE(tokens.find(text('b')).expired);
  EXPECT_TRUE(tokens.mentions_token(text('a'))) << "it still must not leave";
}

TEST_F(IssuedTokensTest, IsFoundWhereverItStands) {
  const Tokens tokens = tokens_of({{"t1", "", sha256(text('a')), std::nullopt},
                                   {"short", "", sha256("cvt_short1"), std::nullopt}});
  for (const std::string& value :
       {text('a'), "x" + text('a') + "y", "cvt_cvt_" + text('a'), "{\"k\":\"" + text('a') + "\"}",
        "%63vt_" + std::string(43, 'a'), std::string("v=cvt_short1;")}) {
    EXPECT_TRUE(tokens.mentions_token(value)) << value;
  }
  for (const std::string& value :
       {text('b'), std::string("cvt_"), "cvt_" + std::string(42, 'a'), std::string(60, 'a')}) {
    EXPECT_FALSE(tokens.mentions_token(value)) << value;
  }
}

TEST_F(IssuedTokensTest, ALongValueOfBeginningsIsSearched) {
  const Tokens tokens = tokens_of({{"t1", "", sha256(text('a')), std::nullopt}});
  std::string value;
  while (value.size() < 64 * 1024) value += "cvt_";
  EXPECT_FALSE(tokens.mentions_token(value));
  EXPECT_TRUE(tokens.mentions_token(value + text('a')));
}

}  // namespace
}  // namespace culvert
