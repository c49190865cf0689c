// URLs of upstreams, hosts, targets: what is taken, and everything that would let a path or a host
// mean something else to the next reader.
#include "relay/base/url.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

TEST(ParseUrl, TakesUpstreams) {
  struct Row {
    const char* text;
    const char* again;
    uint16_t port;
    bool tls;
  };
  for (const Row& row :
       {Row{"https://api.example.com", "https://api.example.com", 443, true},
        Row{"HTTPS://API.Example.com:443/v1/", "https://api.example.com/v1", 443, true},
        Row{"http://127.0.0.1:8080/a/b", "http://127.0.0.1:8080/a/b", 8080, false},
        Row{"http://[::1]:80/", "http://[::1]", 80, false},
        Row{"https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443", 8443, true},
        Row{"ws://my_host/x//", "ws://my_host/x", 80, false},
        Row{"wss://a-b.c", "wss://a-b.c", 443, true}}) {
    const auto url = parse_url(row.text);
    ASSERT_TRUE(url) << row.text << ": " << url.error().detail;
    EXPECT_EQ(url->text(), row.again);
    EXPECT_EQ(url->port, row.port);
    EXPECT_EQ(url->tls(), row.tls);
  }
}

TEST(ParseUrl, TakesTheRootsDotOff) {
  for (const char* text : {"https://a.example.", "https://A.Example.:443/", "https://a.example"}) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(url->host, "a.example") << text;
  }
  EXPECT_EQ(parse_url("http://127.0.0.1.:8080")->host, "127.0.0.1");
}

TEST(ParseUrl, RefusesWithASentence) {
  const std::string label(64, 'a');
  std::string long_name;
  for (int i = 0; i < 64; ++i) long_name += "abc.";
  for (const std::string& text : {std::string(""),
                                  std::string("api.example.com"),
                                  std::string("//a"),
                                  std::string("ftp://a"),
                                  std::string("https:/a"),
                                  std::string("https://"),
                                  std::string("https:///x"),
                                  std::string("https://u@a"),
                                  std::string("https://u:p@a"),
                                  std::string("https://a?x"),
                                  std::string("https://a/b?x"),
                                  std::string("https://a#x"),
                                  std::string("https://a/#x"),
                                  std::string("https://a:0"),
                                  std::string("https://a:65536"),
                                  std::string("https://a:"),
                                  std::string("https://a:+1"),
                                  std::string("https://a:8 0"),
                                  std::string("https://a b"),
                                  std::string("https://-a"),
                                  std::string("https://a-"),
                                  std::string("https://a..b"),
                                  std::string("https://.a"),
                                  std::string("https://a.."),
                                  std::string("https://a%2eb"),
                                  std::string("https://\xC3\xA4.de"),
                                  std::string("https://[::1"),
                                  std::string("https://[::1]x"),
                                  std::string("https://[fe80::1%25eth0]"),
                                  std::string("https://[127.0.0.1]"),
                                  std::string("https://::1"),
                                  std::string("https://1.2.3"),
                                  std::string("https://2130706433"),
                                  std::string("https://0x7f000001"),
                                  std::string("https://127.0.0.0x1"),
                                  std::string("https://0177.0.0.1"),
                                  std::string("https://1.2.3.256"),
                                  std::string("https://a\\b"),
                                  std::string("https://a/\\b"),
                                  std::string("https://a/../b"),
                                  std::string("https://a/%2E%2e/b"),
                                  std::string("https://a/b c"),
                                  std::string("https://a/%zz"),
                                  std::string("https://[::1\0@evil]", 19),
                                  std::string("https://a\0b", 11),
                                  "https://" + label,
                                  "https://" + long_name + "com"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_GT(url.error().detail.size(), 15U) << text;
  }
}

TEST(ParseAuthority, TellsHostAndPort) {
  const auto plain = parse_authority("Example.com");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "example.com");
  EXPECT_EQ(plain->port, 0);
  const auto v6 = parse_authority("[::1]:443");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 443);
  const auto v4 = parse_authority("10.0.0.1:1");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->host, "10.0.0.1");
  EXPECT_TRUE(parse_authority("1password.com"));
  EXPECT_TRUE(parse_authority("a.b2c"));
}

TEST(ParseConnectAuthority, TakesHostAndPort) {
  struct Row {
    const char* text;
    const char* host;
    uint16_t port;
  };
  for (const Row& row :
       {Row{"API.example.com:443", "api.example.com", 443}, Row{"a.example.:1", "a.example", 1},
        Row{"127.0.0.1:65535", "127.0.0.1", 65535}, Row{"[2001:DB8::1]:8443", "2001:db8::1", 8443},
        Row{"my_host:22", "my_host", 22}}) {
    const auto target = parse_connect_authority(row.text);
    ASSERT_TRUE(target) << row.text << ": " << target.error().detail;
    EXPECT_EQ(target->host, row.host);
    EXPECT_EQ(target->port, row.port);
  }
}

TEST(ParseConnectAuthority, SaysWhatIsWrongAndWhatIsAllowed) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "is empty"},
      {"a.example", "has no port"},
      {"[::1]", "has no port"},
      {"127.0.0.1", "has no port"},
      {"u:p@a.example:443", "names a user"},
      {"https://a.example:443", "has a scheme"},
      {"a.example:443/", "has a path"},
      {"/a:443", "has a path"},
      {"a.example:443?x", "has a path"},
      {"a.example:443#x", "has a path"},
      {"a\\b:443", "has a path"},
      {"[fe80::1%25eth0]:443", "percent sign"},
      {"a%2eexample:443", "percent sign"},
      {"a.example :443", "not visible ASCII"},
      {" a.example:443", "not visible ASCII"},
      {"a.example:443\t", "not visible ASCII"},
      {std::string("a.example:443\0", 14), "not visible ASCII"},
      {"\xC3\xA4.example:443", "not visible ASCII"},
      {"a.example:0", "1 to 65535"},
      {"a.example:65536", "1 to 65535"},
      {"a.example:", "1 to 65535"},
      {"a.example:+443", "1 to 65535"},
      {"a.example:443:443", "1 to 65535"},
      {"2130706433:443", "the host is malformed"},
      {"::1:443", "the host is malformed"},
      {"[127.0.0.1]:443", "the host is malformed"},
      {"[::1:443", "closing bracket"},
      {"[::1]443", "bracket of a host"},
      {":443", "the host is malformed"},
  };
  for (const auto& [text, what] : cases) {
    const auto target = parse_connect_authority(text);
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().code, Code::kBadRequest);
    EXPECT_NE(target.error().detail.find(what), std::string::npos)
        << text << ": " << target.error().detail;
    EXPECT_NE(target.error().detail.find("host:port"), std::string::npos) << text;
  }
}

TEST(IsHostName, TakesNamesAndNoAddresses) {
  const std::string label(63, 'a');
  for (const std::string& name :
       {std::string("a"), std::string("A.example"), std::string("a-1.b_c"),
        std::string("1password.com"), label + ".example"}) {
    EXPECT_TRUE(is_host_name(name)) << name;
  }
  std::string long_name = label + "." + label + "." + label + "." + label;
  for (const std::string& name :
       {std::string(""), std::string("a."), std::string(".a"), std::string("a..b"),
        std::string("127.0.0.1"), std::string("::1"), std::string("[::1]"), std::string("1"),
        std::string("a.0x1"), std::string("a:443"), std::string("*.a"), std::string("-a"),
        std::string("a\0b", 3), std::string("\xC3\xA4.de"), label + "a", long_name}) {
    EXPECT_FALSE(is_host_name(name)) << name;
  }
}

TEST(CheckTarget, TakesWhatMayBeForwarded) {
  for (const char* target :
       {"/", "//evil", "/a//b", "/a/b.c/..d/...", "/@evil", "/a%2Fb", "/%C3%A4", "/a?b/../c",
        "/?%zz", "/a:b;c=d,e", "/?a\\b", "/.well-known/x", "/a/.b"}) {
    const auto checked = check_target(target);
    EXPECT_TRUE(checked) << target << ": " << checked.error().detail;
  }
}

TEST(CheckTarget, RefusesWhatOthersWouldRewrite) {
  for (const std::string& target :
       {std::string(""),           std::string("a"),           std::string("*"),
        std::string("http://a/"),  std::string("/a#b"),        std::string("/a?b#c"),
        std::string("/a b"),       std::string("/a?b c"),      std::string("/\xC3\xA4"),
        std::string("/?\xC3\xA4"), std::string("/a\\b"),       std::string("/."),
        std::string("/.."),        std::string("/./a"),        std::string("/a/../b"),
        std::string("/a/.."),      std::string("/a/./?b"),     std::string("/%2e"),
        std::string("/%2E%2e/a"),  std::string("/.%2E/"),      std::string("/a/%2e%2E"),
        std::string("/..%2fa"),    std::string("/a%2f..%2fb"), std::string("/a%5c..%5Cb"),
        std::string("/a%"),        std::string("/a%2"),        std::string("/a%g1"),
        std::string("/\0", 2),     std::string("/a\x7F"),      std::string("/a\tb")}) {
    const auto checked = check_target(target);
    ASSERT_FALSE(checked) << target;
    EXPECT_EQ(checked.error().code, Code::kBadRequest);
    EXPECT_EQ(checked.error().fault, Fault::kClient);
  }
}

TEST(JoinPath, KeepsBaseAndRestByteForByte) {
  EXPECT_EQ(join_path("", "/a?b"), "/a?b");
  EXPECT_EQ(join_path("", ""), "/");
  EXPECT_EQ(join_path("", "?a"), "/?a");
  EXPECT_EQ(join_path("/v1", ""), "/v1");
  EXPECT_EQ(join_path("/v1", "?a=%2F"), "/v1?a=%2F");
  EXPECT_EQ(join_path("/v1", "//evil/%2F"), "/v1//evil/%2F");
}

TEST(PercentDecode, DecodesPairsOnly) {
  EXPECT_EQ(percent_decode("a%20b%2Fc+d"), "a b/c+d");
  EXPECT_EQ(percent_decode("%"), "%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%41"), "%zzA");
  EXPECT_EQ(percent_decode("%2541"), "%41");
}

}  // namespace
}  // namespace culvert
