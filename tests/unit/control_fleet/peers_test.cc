// The fleet as its relays know it, and when that is compiled anew.
#include "control/fleet/peers.h"

#include "relay/crypto/digest.h"
#include "tests/unit/control_fleet/fleet_parts.h"

namespace culvert::control {
namespace {

class PeersTest : public testing::Test {
 protected:
  void change(const std::string& name, const std::function<void(v1::StoredRelay*)>& change) {
    ASSERT_TRUE(parts_.roster.change(name, change));
  }
  std::shared_ptr<const Target> target(const std::string& region = "eu-west") {
    return parts_.targets.of({region, {}});
  }
  v1::RelayPeer peer(size_t i) {
    v1::RelayPeer peer;
    EXPECT_TRUE(peer.ParseFromString(target()->types[kPeerType].at(i)->spec));
    return peer;
  }
  FleetParts parts_;
};

TEST_F(PeersTest, AreAllRelaysOfTheFleetForEachOfThem) {
  EXPECT_TRUE(target()->types[kPeerType].empty());
  parts_.join("edge-2");
  parts_.join("edge-1");
  change("edge-2", [](v1::StoredRelay* relay) {
    relay->set_region("us-east");
    relay->set_peer_address("edge-2.example:8444");
    relay->set_drain(true);
  });
  const ItemSet& all = target("us-east")->types[kPeerType];
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]->name, "edge-1");
  EXPECT_EQ(peer(0).region(), "eu-west");
  EXPECT_EQ(peer(0).address(), "");
  EXPECT_FALSE(peer(0).draining());
  EXPECT_EQ(all[1]->name, "edge-2");
  EXPECT_EQ(peer(1).region(), "us-east");
  EXPECT_EQ(peer(1).address(), "edge-2.example:8444");
  EXPECT_TRUE(peer(1).draining());
  EXPECT_EQ(target()->types[kPeerType], all);
}

// As link.proto has it, byte by byte.
TEST_F(PeersTest, CountInTheHashOfTheWhole) {
  parts_.join("edge-1");
  const auto half = [](const std::string& bytes) {
    const Digest digest = sha256(bytes);
    return std::string(reinterpret_cast<const char*>(digest.data()), 16);
  };
  const std::string zero(1, '\0');
  const std::string spec =
      "\x0a\x07"
      "eu-west";  // field 1, 7 bytes; the others are absent
  const std::string set = half("edge-1" + zero + half(spec));
  EXPECT_EQ(to_bytes(target()->hashes[kPeerType]), set);
  std::string whole;
  for (const char* type : {"upstream", "key_pool", "token", "route", "tunnel"}) {
    whole += type + zero + half("");
  }
  EXPECT_EQ(to_bytes(target()->hash), half(whole + "peer" + zero + set));
}

TEST_F(PeersTest, ChangeWithTheRosterAndNotWithSignsOfLife) {
  parts_.configuration.change(
      [](ConfigState* state) { state->upstreams["u"].set_user_agent("a"); });
  auto before = target();
  const auto changed = [&] {
    const auto now = target();
    const bool other = now->hash != before->hash;
    EXPECT_EQ(now->hashes[0], before->hashes[0]);
    EXPECT_EQ(now->generation, before->generation);
    EXPECT_EQ(now->revision, before->revision);
    EXPECT_TRUE(other || now == before) << "made anew for nothing";
    before = now;
    return other;
  };
  EXPECT_FALSE(changed());
  parts_.join("edge-1");
  EXPECT_TRUE(changed());
  change("edge-1", [](v1::StoredRelay* relay) { relay->mutable_last_seen()->set_seconds(1); });
  EXPECT_FALSE(changed());
  change("edge-1", [](v1::StoredRelay* relay) { relay->set_peer_address("edge-1:1"); });
  EXPECT_TRUE(changed());
  ASSERT_TRUE(parts_.registry.drain("edge-1", true));
  EXPECT_TRUE(changed());
  EXPECT_TRUE(peer(0).draining());
  ASSERT_TRUE(parts_.registry.remove("edge-1"));
  EXPECT_TRUE(changed());
  EXPECT_TRUE(before->types[kPeerType].empty());
}

// Another replica of the service writes into the same store.
TEST_F(PeersTest, ChangeWithWhatOthersWrite) {
  parts_.join("edge-1");
  const auto before = target();
  v1::StoredRelay moved = *parts_.roster.find("edge-1");
  moved.set_peer_address("edge-1:2");
  ASSERT_TRUE(parts_.store.commit({}, {{"fleet/relay/edge-1", moved.SerializeAsString()}}));
  EXPECT_TRUE(*parts_.roster.refresh());
  EXPECT_EQ(peer(0).address(), "edge-1:2");
  ASSERT_TRUE(parts_.store.commit({}, {{"fleet/relay/edge-1", std::nullopt}}));
  EXPECT_TRUE(*parts_.roster.refresh());
  EXPECT_TRUE(target()->types[kPeerType].empty());
}

}  // namespace
}  // namespace culvert::control
