// An egress proxy's URL: what is one, what is none, and that no sentence about it repeats it.
#include "proto/proxy_url.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

TEST(ProxyUrl, TakesEverySchemeWithAndWithoutCredentials) {
  for (const char* url :
       {"http://proxy", "http://proxy/", "HTTP://proxy:3128", "https://proxy.example:8443",
        "socks5://10.0.0.1", "socks5h://[::1]:1080", "http://user@proxy",
        "http://user:word@proxy:1", "socks5://a%20b:%40%2F%3A@proxy", "http://user:@proxy",
        "http://a-._~!$&'()*+,;=:b@proxy"}) {
    EXPECT_EQ(proxy_flaw(url), std::nullopt) << url;
  }
}

TEST(ProxyUrl, RefusesWhatIsNoneAndSaysWhatIsAllowed) {
  for (const char* url :
       {"", "proxy:3128", "ftp://proxy", "http://", "http://:80", "http://proxy:0x50",
        "http://proxy:65536", "http://proxy/path", "http://@proxy", "http://:secret@proxy",
        "http://us er:secret@proxy", "http://user:sec%ret@proxy", "http://user:secret%0a@proxy",
        "http://user:secret%00@proxy", "http://user:secret@half@proxy", "http://user:secret@"}) {
    const auto flaw = proxy_flaw(url);
    ASSERT_TRUE(flaw) << url;
    EXPECT_NE(flaw->find("allowed"), std::string::npos) << *flaw;
    EXPECT_EQ(flaw->find("secret"), std::string::npos) << *flaw;
  }
}

// RFC 1929 §2: one byte for the length.
TEST(ProxyUrl, BoundsUserAndPassword) {
  const auto with = [](size_t bytes) {
    return "socks5://user:" + std::string(bytes, 'x') + "@proxy";
  };
  EXPECT_FALSE(proxy_flaw(with(255)));
  EXPECT_TRUE(proxy_flaw(with(256)));
}

TEST(ProxyUrl, WritesThePortThatWasLeftOut) {
  EXPECT_EQ(proxy_with_port("http://proxy/"), "http://proxy:80");
  EXPECT_EQ(proxy_with_port("https://proxy"), "https://proxy:443");
  EXPECT_EQ(proxy_with_port("SOCKS5://user:word@[::1]"), "socks5://user:word@[::1]:1080");
  EXPECT_EQ(proxy_with_port("socks5h://proxy:9050"), "socks5h://proxy:9050");
}

}  // namespace
}  // namespace culvert
