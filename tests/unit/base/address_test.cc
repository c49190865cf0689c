// Addresses and networks: what parses, what is public, what a truncated address keeps.
#include "relay/base/address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>

namespace culvert {
namespace {

Address address(std::string_view text) {
  const auto parsed = Address::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(Address{});
}

TEST(Address, ParsesAndPrintsTheCanonicalForm) {
  EXPECT_EQ(address("192.0.2.1").text(), "192.0.2.1");
  EXPECT_EQ(address("0.0.0.0").text(), "0.0.0.0");
  EXPECT_EQ(address("2001:DB8:0:0::1").text(), "2001:db8::1");
  EXPECT_EQ(address("::").text(), "::");
  EXPECT_TRUE(address("1.2.3.4").is_v4());
  EXPECT_FALSE(address("::1").is_v4());
}

TEST(Address, MappedBecomesV4InEverySpelling) {
  for (const char* text : {"::ffff:127.0.0.1", "::FFFF:7f00:1", "0:0:0:0:0:ffff:7f00:0001"}) {
    EXPECT_EQ(address(text), address("127.0.0.1")) << text;
  }
}

TEST(Address, RefusesWhateverOthersMightReadAsAnotherAddress) {
  for (const std::string_view text : {
           std::string_view(""),
           std::string_view("1.2.3"),
           std::string_view("127.1"),
           std::string_view("2130706433"),
           std::string_view("0177.0.0.1"),
           std::string_view("127.0.0.01"),
           std::string_view("0x7f.0.0.1"),
           std::string_view("0x7f000001"),
           std::string_view("1.2.3.256"),
           std::string_view("1.2.3.4.5"),
           std::string_view("1.2.3.4 "),
           std::string_view(" 1.2.3.4"),
           std::string_view("+1.2.3.4"),
           std::string_view("1.2.3.4\0", 8),
           std::string_view("1.2.3.4\0.5", 10),
           std::string_view("[::1]"),
           std::string_view("::1%lo"),
           std::string_view("fe80::1%eth0"),
           std::string_view(":::"),
           std::string_view("1::2::3"),
           std::string_view("12345::"),
           std::string_view("::ffff:1.2.3.04"),
           std::string_view("example.com"),
           std::string_view("1.2.3.4/8"),
       }) {
    EXPECT_FALSE(Address::parse(text).has_value()) << text;
  }
  EXPECT_FALSE(Address::parse(std::string(1000, '1')).has_value());
}

TEST(Address, GoesThroughSockaddr) {
  for (const char* text : {"203.0.113.7", "2001:db8::7"}) {
    sockaddr_storage storage;
    const auto length = address(text).to_sockaddr(8443, &storage);
    EXPECT_EQ(length, address(text).is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    const auto* raw = reinterpret_cast<const sockaddr*>(&storage);
    EXPECT_EQ(Address::from(raw), address(text));
    const auto port = address(text).is_v4() ? reinterpret_cast<const sockaddr_in*>(raw)->sin_port
                                            : reinterpret_cast<const sockaddr_in6*>(raw)->sin6_port;
    EXPECT_EQ(ntohs(port), 8443);
  }
  sockaddr unknown{};
  unknown.sa_family = AF_UNIX;
  EXPECT_FALSE(Address::from(&unknown).has_value());
  EXPECT_FALSE(Address::from(nullptr).has_value());
}

TEST(Address, FromSockaddrUnwrapsMapped) {
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_addr.s6_addr[10] = 0xFF;
  in6.sin6_addr.s6_addr[11] = 0xFF;
  in6.sin6_addr.s6_addr[12] = 127;
  in6.sin6_addr.s6_addr[15] = 1;
  EXPECT_EQ(Address::from(reinterpret_cast<const sockaddr*>(&in6)), address("127.0.0.1"));
}

TEST(Address, Truncates) {
  EXPECT_EQ(address("203.0.113.77").truncated(24).text(), "203.0.113.0");
  EXPECT_EQ(address("203.0.113.77").truncated(32).text(), "203.0.113.77");
  EXPECT_EQ(address("203.0.113.77").truncated(0).text(), "0.0.0.0");
  EXPECT_EQ(address("203.0.113.255").truncated(30).text(), "203.0.113.252");
  EXPECT_EQ(address("2001:db8:1:2:3:4:5:6").truncated(48).text(), "2001:db8:1::");
  EXPECT_EQ(address("2001:db8:1:2:3:4:5:6").truncated(64).text(), "2001:db8:1:2::");
  EXPECT_EQ(address("2001:db8:1:ff::").truncated(57).text(), "2001:db8:1:80::");
  EXPECT_EQ(address("2001:db8::1").truncated(128).text(), "2001:db8::1");
}

TEST(Address, OrdersAndCompares) {
  EXPECT_LT(address("1.2.3.4"), address("1.2.3.5"));
  EXPECT_NE(address("::"), address("0.0.0.0"));
}

TEST(IsPublic, FollowsTheRegistries) {
  for (const char* text : {
           "1.1.1.1",
           "8.8.8.8",
           "9.255.255.255",
           "11.0.0.0",
           "100.63.255.255",
           "100.128.0.0",
           "126.255.255.255",
           "128.0.0.1",
           "169.253.255.255",
           "169.255.0.0",
           "172.15.255.255",
           "172.32.0.0",
           "192.0.0.9",
           "192.0.0.10",
           "192.0.1.0",
           "192.0.3.0",
           "192.31.196.1",
           "192.52.193.1",
           "192.167.255.255",
           "192.169.0.0",
           "192.175.48.1",
           "198.17.255.255",
           "198.20.0.0",
           "198.51.99.255",
           "203.0.112.255",
           "203.0.114.0",
           "223.255.255.255",
           "168.63.129.15",
           "2606:4700::1111",
           "2001:4860:4860::8",
           "2a00:1450::1",
           "2000::1",
           "2001:200::1",
           "2001:1::1",
           "2001:3::1",
           "2001:4:112::1",
           "2620:4f:8000::1",
           "64:ff9b::808:808",
           "64:ff9b::8.8.8.8",
           "2002:808:808::1",
           "2002:0808:0808::",
           "::ffff:8.8.8.8",
           // Teredo: server 65.54.227.120, client 192.0.1.45 (inverted)
           "2001:0:4136:e378:8000:63bf:3fff:fed2",
       }) {
    EXPECT_TRUE(is_public(address(text))) << text;
  }
}

TEST(IsPublic, RefusesEverythingElse) {
  for (const char* text : {
           "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0",
           "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.255", "168.63.129.16",
           "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.0", "172.31.255.255",
           "192.0.0.0", "192.0.0.8", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1",
           "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
           "239.255.255.255", "240.0.0.1", "255.255.255.255",
           // IPv6
           "::", "::1", "::127.0.0.1", "::8.8.8.8", "100::1", "100:0:0:1::1", "fc00::1",
           "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::a9fe:a9fe", "fec0::1", "ff02::1",
           "2001:db8::1", "2001:2::1", "2001:10::1", "2001:1::4", "3fff::1", "3fff:fff::1",
           "5f00::1", "4000::1", "1::1", "64:ff9b:2::1",
           // mapped
           "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:a9fe:a9fe",
           // NAT64, 6to4, Teredo around what is private
           "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8",
           "64:ff9b:1::7f00:1", "2002:7f00:1::1", "2002:a00:1::1", "2002:a9fe:a9fe::",
           "2001:0:4136:e378:8000:63bf:80ff:fffe",  // client 127.0.0.1
           "2001:0:7f00:1:8000:63bf:3fff:fed2",     // server 127.0.0.1
           "2001:0:4136:e378:8000:63bf:5601:5601",  // client 169.254.169.254
       }) {
    EXPECT_FALSE(is_public(address(text))) << text;
  }
}

TEST(Network, Contains) {
  const auto ten = Network::parse("10.0.0.0/8");
  ASSERT_TRUE(ten);
  EXPECT_TRUE(ten->contains(address("10.255.0.1")));
  EXPECT_TRUE(ten->contains(address("::ffff:10.0.0.1")));
  EXPECT_FALSE(ten->contains(address("11.0.0.0")));
  EXPECT_FALSE(ten->contains(address("a00::")));
  const auto local = Network::parse("fd00::/8");
  ASSERT_TRUE(local);
  EXPECT_TRUE(local->contains(address("fdff::1")));
  EXPECT_FALSE(local->contains(address("fc00::1")));
  const auto one = Network::parse("127.0.0.1");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->bits, 32);
  EXPECT_FALSE(one->contains(address("127.0.0.2")));
  const auto all = Network::parse("0.0.0.0/0");
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->contains(address("8.8.8.8")));
  EXPECT_FALSE(all->contains(address("::1")));
}

TEST(Network, MappedCidrIsItsV4) {
  const auto mapped = Network::parse("::ffff:10.0.0.0/104");
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->bits, 8);
  EXPECT_TRUE(mapped->contains(address("10.9.8.7")));
  EXPECT_FALSE(Network::parse("::ffff:0.0.0.0/95"));
}

TEST(Network, RefusesWithTheReason) {
  const auto host_bits = Network::parse("10.1.2.3/8");
  ASSERT_FALSE(host_bits);
  EXPECT_EQ(host_bits.error().detail,
            "\"10.1.2.3/8\" has host bits set; the network is 10.0.0.0/8");
  for (const char* text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08",
                           "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/255.0.0.0", "10.0.0/8",
                           "::/129", "fe80::1/64", "example.com", "10.0.0.0/99999999999"}) {
    EXPECT_FALSE(Network::parse(text)) << text;
  }
}

TEST(HostPattern, MatchesNamesWithoutCase) {
  const auto exact = HostPattern::parse("API.Example.com");
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->text, "api.example.com");
  EXPECT_TRUE(exact->matches("api.EXAMPLE.com"));
  EXPECT_TRUE(exact->matches("api.example.com."));
  EXPECT_FALSE(exact->matches("x.api.example.com"));
  EXPECT_FALSE(exact->matches(""));
}

TEST(HostPattern, WildcardMatchesBelowOnly) {
  const auto below = HostPattern::parse("*.example.com");
  ASSERT_TRUE(below);
  EXPECT_TRUE(below->matches("a.example.com"));
  EXPECT_TRUE(below->matches("A.B.example.COM"));
  for (const char* host : {"example.com", ".example.com", "badexample.com", "example.com.evil.org",
                           "a.example.org", ""}) {
    EXPECT_FALSE(below->matches(host)) << host;
  }
}

TEST(HostPattern, RefusesWhatIsNoName) {
  for (const char* text :
       {"",           "*",         "*.",         "a.*.com",    "*a.com",     ".com",
        "a..b",       "a.",        "-a.com",     "a-.com",     "a b",        "a/b",
        "a:80",       "127.1",     "0177.0.0.1", "0x7f.0.0.1", "2130706433", "*.1.2",
        "*.10.0.0.1", "1.2.3.256", "ü.example"}) {
    EXPECT_FALSE(HostPattern::parse(text)) << text;
  }
  EXPECT_FALSE(HostPattern::parse(std::string(64, 'a') + ".com"));
  EXPECT_TRUE(HostPattern::parse(std::string(63, 'a') + ".com"));
  EXPECT_TRUE(HostPattern::parse("localhost"));
  EXPECT_TRUE(HostPattern::parse("my_host.local"));
  EXPECT_TRUE(HostPattern::parse("10.0.0.1"));
}

TEST(SocketAddress, ParsesAndPrints) {
  for (const char* text : {"127.0.0.1:8080", "0.0.0.0:0", "[::1]:65535", "[2001:db8::1]:443"}) {
    const auto parsed = SocketAddress::parse(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->text(), text);
  }
}

TEST(SocketAddress, RefusesWhatIsAmbiguous) {
  for (const char* text : {"",
                           ":",
                           ":80",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:+1",
                           "127.0.0.1:080",
                           "127.0.0.1:80 ",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[127.0.0.1]:80",
                           "[]:80",
                           "localhost:80",
                           "[::1%lo]:80",
                           "http://127.0.0.1:80",
                           "*:80",
                           "127.0.0.1:99999999999"}) {
    EXPECT_FALSE(SocketAddress::parse(text)) << text;
  }
}

}  // namespace
}  // namespace culvert
