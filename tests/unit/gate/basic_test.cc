// RFC 7617, as proxies' clients write it; and what is none of it.
#include "relay/gate/basic.h"

#include "relay/base/base64.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

std::string token_of(std::string_view pair) {
  const auto token = basic_token(base64_encode(pair));
  return token ? std::string(token->reveal()) : "none";
}

TEST(BasicToken, IsThePasswordOrElseTheUser) {
  EXPECT_EQ(token_of("user:token"), "token");
  EXPECT_EQ(token_of(":token"), "token");
  EXPECT_EQ(token_of("token:"), "token");
  EXPECT_EQ(token_of("token:x"), "x");
  EXPECT_EQ(token_of("user:a:b"), "a:b");
  EXPECT_EQ(basic_token("dXNlcjp0b2tlbg")->reveal(), "token") << "padding may be left out";
}

TEST(BasicToken, IsNoneOfAnythingElse) {
  for (const std::string& pair :
       {std::string(""), std::string("token"), std::string(":"), std::string("u:a\nb"),
        std::string("u\0:a", 4), std::string("u:a\x7F")}) {
    EXPECT_EQ(token_of(pair), "none") << pair;
  }
  for (const char* text : {"user:token", "dXNl cjp0", "dXNlcjp0b2tlbg==x", "-_-_"}) {
    EXPECT_FALSE(basic_token(text)) << text;
  }
}

}  // namespace
}  // namespace culvert
