// Where a client's own words may lead. Fault #14: 127.0.0.1 was accepted.
#include "relay/gate/destinations.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

Address address(std::string_view text) { return *Address::parse(text); }

class DestinationsTest : public testing::Test {
 protected:
  bool allowed(std::string_view host, std::string_view at) const {
    return Destinations(settings_).check(host, address(at)).has_value();
  }
  void allow_network(std::string_view text) {
    settings_.allow_networks.push_back(*Network::parse(text));
  }
  void allow_host(std::string_view text) {
    settings_.allow_hosts.push_back(*HostPattern::parse(text));
  }
  Settings settings_;
};

TEST_F(DestinationsTest, PublicAddressesAreAllowed) {
  EXPECT_TRUE(allowed("example.com", "93.184.216.34"));
  EXPECT_TRUE(allowed("8.8.8.8", "8.8.8.8"));
  EXPECT_TRUE(allowed("example.com", "2606:2800:220:1::1"));
}

TEST_F(DestinationsTest, OthersAreNotUnderWhateverName) {
  for (const char* at : {"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
                         "100.64.0.1", "0.0.0.0", "::1", "::", "fe80::1", "fd00:ec2::254",
                         "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1"}) {
    EXPECT_FALSE(allowed("innocent.example.com", at)) << at;
    EXPECT_FALSE(allowed(at, at)) << at;
  }
}

TEST_F(DestinationsTest, TheErrorIsForbiddenAndNamesNoAddress) {
  const auto refused = Destinations(settings_).check("x.test", address("10.0.0.1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kForbidden);
  EXPECT_EQ(refused.error().stage, Stage::kRoute);
  EXPECT_EQ(refused.error().fault, Fault::kClient);
  // What a private name resolves to is not the client's to learn.
  EXPECT_EQ(refused.error().detail.find("10.0.0.1"), std::string::npos);
}

TEST_F(DestinationsTest, ANetworkOpensItsAddresses) {
  allow_network("10.0.0.0/8");
  EXPECT_TRUE(allowed("10.1.2.3", "10.1.2.3"));
  EXPECT_TRUE(allowed("db.internal", "10.1.2.3"));
  EXPECT_FALSE(allowed("db.internal", "192.168.0.1"));
}

TEST_F(DestinationsTest, AHostPatternOpensItsNames) {
  allow_host("*.internal.test");
  allow_host("localhost");
  EXPECT_TRUE(allowed("a.internal.test", "10.1.2.3"));
  EXPECT_TRUE(allowed("A.Internal.Test", "10.1.2.3"));
  EXPECT_TRUE(allowed("localhost", "127.0.0.1"));
  EXPECT_FALSE(allowed("internal.test", "10.1.2.3"));
  EXPECT_FALSE(allowed("a.internal.test.evil.test", "10.1.2.3"));
}

// surface: "not the bare address".
TEST_F(DestinationsTest, AHostPatternDoesNotOpenTheBareAddress) {
  allow_host("localhost");
  EXPECT_FALSE(allowed("127.0.0.1", "127.0.0.1"));
  settings_.allow_hosts.push_back(HostPattern{"127.0.0.1"});
  EXPECT_FALSE(allowed("127.0.0.1", "127.0.0.1"));
}

}  // namespace
}  // namespace culvert
