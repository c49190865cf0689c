// An answer's fields on their way to the client.
#include "relay/gate/downstream_headers.h"

#include "tests/unit/gate/asked.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Headers down(const Fields& fields, bool generic = false) {
  return downstream_headers(gate_test::headers(fields), generic, "our-id");
}

// Fault #10: hop-by-hop fields passed down.
TEST(DownstreamHeaders, FieldsOfOneConnectionAreDropped) {
  for (const char* name : {"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection",
                           "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length",
                           "Alt-Svc", "X-Proxy-Error", "X-Proxy-Stage", "X-Culvert-Resumed"}) {
    EXPECT_EQ(down({{name, "x"}}).count(name), 0U) << name;
    EXPECT_EQ(down({{name, "x"}}, true).count(name), 0U) << name;
  }
  const Headers named = down({{"Connection", "X-Hop"}, {"x-hop", "1"}, {"x-end", "2"}});
  EXPECT_EQ(named.count("x-hop"), 0U);
  EXPECT_EQ(named.joined("x-end"), "2");
}

TEST(DownstreamHeaders, TheRestPassesInOrderAndSpelling) {
  const Headers made = down({{"sErVer", "x"},
                             {"X-Multi", "1"},
                             {"Content-Encoding", "br"},
                             {"x-multi", "2"},
                             {"Retry-After", "3"},
                             {"x-ratelimit-remaining-tokens", "4"}});
  std::string all;
  for (const Header& field : made) all.append(field.name).append("=").append(field.value) += ';';
  EXPECT_EQ(all,
            "sErVer=x;X-Multi=1;Content-Encoding=br;x-multi=2;Retry-After=3;"
            "x-ratelimit-remaining-tokens=4;X-Request-Id=our-id;");
}

TEST(DownstreamHeaders, CookiesOnlyFromTheGenericProxy) {
  EXPECT_EQ(down({{"Set-Cookie", "a=1"}}).count("set-cookie"), 0U);
  EXPECT_EQ(down({{"Set-Cookie", "a=1"}, {"set-cookie", "b=2"}}, true).count("set-cookie"), 2U);
}

// SDKs read the vendor's id and report it to the vendor's support.
TEST(DownstreamHeaders, TheVendorsRequestIdStays) {
  EXPECT_EQ(down({{"x-request-id", "req_1"}}).joined("x-request-id"), "req_1");
  const Headers anthropic = down({{"request-id", "req_2"}});
  EXPECT_EQ(anthropic.joined("request-id"), "req_2");
  EXPECT_EQ(anthropic.joined("x-request-id"), "our-id");
  EXPECT_EQ(down({{"Connection", "x-request-id"}, {"x-request-id", "hop"}}).joined("x-request-id"),
            "our-id");
}

}  // namespace
}  // namespace culvert
