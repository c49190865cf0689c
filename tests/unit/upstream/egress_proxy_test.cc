// The URL of an egress proxy: what is taken, what is not, and that no error repeats a password.
#include "relay/upstream/egress_proxy.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

using Kind = EgressProxy::Kind;

EgressProxy parsed(const char* url) {
  auto proxy = parse_egress_proxy(Secret(url));
  EXPECT_TRUE(proxy) << url;
  return proxy ? *proxy : EgressProxy{};
}

TEST(EgressProxies, AreReadInEveryForm) {
  EXPECT_EQ(parsed("http://proxy:3128").kind, Kind::kHttp);
  EXPECT_EQ(parsed("HTTPS://proxy:3128/").kind, Kind::kHttps);
  EXPECT_EQ(parsed("socks5://10.0.0.1:1080").kind, Kind::kSocks5);
  EXPECT_FALSE(parsed("socks5://10.0.0.1:1080").resolves_names());
  EXPECT_TRUE(parsed("socks5h://10.0.0.1:1080").resolves_names());
  const EgressProxy six = parsed("socks5h://[2001:db8::1]:1080");
  EXPECT_EQ(six.host, "2001:db8::1");
  EXPECT_EQ(six.port, 1080);
  EXPECT_FALSE(six.authenticates);
}

TEST(EgressProxies, MayHoldCredentials) {
  const EgressProxy proxy = parsed("http://user%40home:p@ss%3Aw:ord@proxy:3128");
  EXPECT_TRUE(proxy.authenticates);
  EXPECT_EQ(proxy.user, "user@home");
  EXPECT_EQ(proxy.password.reveal(), "p@ss:w:ord");
  EXPECT_EQ(proxy.host, "proxy");
  EXPECT_TRUE(parsed("http://user@proxy:3128").password.empty());
}

TEST(EgressProxies, AreRefusedWithoutRepeatingThem) {
  for (const char* url : {"", "proxy:3128", "ftp://secret@proxy:1", "http://secret:secret@proxy",
                          "http://:secret@p:1", "http://secret%3a:x@p:1", "http://secret%0a:x@p:1",
                          "http://u:secret@p:0", "http://u:secret@p:1/path", "http://u:secret@",
                          "http://u:secret@p:70000"}) {
    const auto proxy = parse_egress_proxy(Secret(url));
    ASSERT_FALSE(proxy) << url;
    EXPECT_EQ(proxy.error().code, Code::kInvalidConfig);
    EXPECT_EQ(proxy.error().detail.find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace culvert
