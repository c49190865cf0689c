// The first bytes of a tunnel's connection at every split: PROXY header, ClientHello, both, none,
// and what is neither.
#include "relay/flow/tunnel_opening.h"

#include "tests/unit/codec/hello_bytes.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

const std::string kLine = "PROXY TCP4 192.0.2.1 198.51.100.2 1000 443\r\n";
const std::string kHello = test::hello(test::server_name("a.example"));

// Whether it was whole at the last byte of `needed` and not before, at every split and bytewise.
void expect_whole_at(TunnelOpening::Expects expects,
                     const std::string& needed,
                     const std::string& rest) {
  const std::string all = needed + rest;
  for (size_t split = 1; split < all.size(); ++split) {
    TunnelOpening opening(expects);
    const auto first = opening.see(std::string_view(all).substr(0, split));
    ASSERT_TRUE(first) << first.error().detail;
    EXPECT_EQ(*first, split >= needed.size()) << split;
    const auto second = opening.see(std::string_view(all).substr(split));
    ASSERT_TRUE(second);
    EXPECT_TRUE(*second) << split;
    EXPECT_EQ(opening.take_kept(), expects.proxy_header ? all.substr(kLine.size()) : all);
  }
  TunnelOpening bytewise(expects);
  for (size_t i = 0; i < needed.size(); ++i) {
    const auto seen = bytewise.see(std::string_view(needed).substr(i, 1));
    ASSERT_TRUE(seen);
    EXPECT_EQ(*seen, i + 1 == needed.size()) << i;
  }
}

TEST(TunnelOpening, NothingIsExpectedOfATcpListener) {
  EXPECT_TRUE(TunnelOpening({}).whole());
  EXPECT_FALSE(TunnelOpening({.hello = true}).whole());
}

TEST(TunnelOpening, AHelloIsKeptAsItCame) {
  expect_whole_at({.hello = true}, kHello, "and early data");
  TunnelOpening opening({.hello = true});
  ASSERT_TRUE(opening.see(kHello));
  EXPECT_EQ(opening.server_name(), "a.example");
  EXPECT_FALSE(opening.proxy());
}

TEST(TunnelOpening, AProxyHeaderIsTakenOff) {
  expect_whole_at({.proxy_header = true}, kLine, "SSH-2.0");
  expect_whole_at({.proxy_header = true, .hello = true}, kLine + kHello, "more");
  TunnelOpening opening({.proxy_header = true, .hello = true});
  ASSERT_TRUE(opening.see(kLine + kHello));
  ASSERT_TRUE(opening.proxy());
  EXPECT_EQ(opening.proxy()->source.text(), "192.0.2.1:1000");
  EXPECT_EQ(opening.server_name(), "a.example");
}

TEST(TunnelOpening, WithoutANameThereIsNone) {
  TunnelOpening opening({.hello = true});
  const auto whole = opening.see(test::hello(""));
  ASSERT_TRUE(whole);
  EXPECT_TRUE(*whole);
  EXPECT_EQ(opening.server_name(), "");
}

TEST(TunnelOpening, WhatIsNeitherIsRefused) {
  TunnelOpening no_header({.proxy_header = true, .hello = true});
  EXPECT_FALSE(no_header.see(kHello));
  EXPECT_FALSE(no_header.alert());
  TunnelOpening no_tls({.hello = true});
  EXPECT_FALSE(no_tls.see("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(no_tls.alert());
  TunnelOpening broken({.hello = true});
  EXPECT_FALSE(broken.see(test::records(test::handshake("short"))));
  EXPECT_TRUE(broken.alert());
}

}  // namespace
}  // namespace culvert
