// Which relay of a region is gone through.
#include "relay/upstream/peer_directory.h"

#include <gtest/gtest.h>

#include <map>

namespace culvert {
namespace {

using std::chrono::milliseconds;

struct Fleet {
  PeerBoard board;
  std::vector<PeerWay> ways;

  PeerHealth& add(const std::string& name, const std::string& region = "eu") {
    PeerWay way;
    way.peer.name = name;
    way.peer.region = region;
    way.peer.host = name + ".example.com";
    way.peer.port = 7443;
    way.health = board.join(name);
    ways.push_back(way);
    return *ways.back().health;
  }
  // How often each is chosen in so many turns.
  std::map<std::string, int> turns(int count, const std::string& region = "eu") {
    const PeerDirectory directory("near", ways, {region});
    std::map<std::string, int> chosen;
    for (int i = 0; i < count; ++i) {
      const PeerWay* way = directory.choose(region, {});
      ++chosen[way == nullptr ? "none" : way->peer.name];
    }
    return chosen;
  }
};

using Turns = std::map<std::string, int>;

TEST(PeerDirectory, of_the_region_alone) {
  Fleet fleet;
  fleet.add("a", "us");
  fleet.add("b", "eu");
  EXPECT_EQ(fleet.turns(3), (Turns{{"b", 3}}));
  EXPECT_EQ(fleet.turns(1, "ap"), (Turns{{"none", 1}}));
}

TEST(PeerDirectory, relays_that_are_about_as_near_take_turns) {
  Fleet fleet;
  fleet.add("a").answered(milliseconds(20), false);
  fleet.add("b").answered(milliseconds(24), false);
  fleet.add("c").answered(milliseconds(90), false);
  EXPECT_EQ(fleet.turns(10), (Turns{{"a", 5}, {"b", 5}}));
}

TEST(PeerDirectory, one_that_does_not_answer_comes_last) {
  Fleet fleet;
  fleet.add("a").failed("gone");
  fleet.add("b").answered(milliseconds(200), false);
  EXPECT_EQ(fleet.turns(4), (Turns{{"b", 4}}));
  fleet.ways[1].health->failed("gone too");
  EXPECT_EQ(fleet.turns(4).count("none"), 0U);  // better than nothing
}

TEST(PeerDirectory, one_that_is_drained_is_left_alone) {
  Fleet fleet;
  fleet.add("a").answered(milliseconds(1), true);
  fleet.add("b").answered(milliseconds(200), false);
  fleet.add("c").answered(milliseconds(1), false);
  fleet.ways[2].peer.draining = true;  // by the operator's word
  EXPECT_EQ(fleet.turns(4), (Turns{{"b", 4}}));
}

TEST(PeerDirectory, no_relay_twice) {
  Fleet fleet;
  fleet.add("a");
  fleet.add("b");
  const PeerDirectory directory("near", fleet.ways, {"eu"});
  std::vector<const PeerWay*> tried;
  while (const PeerWay* way = directory.choose("eu", tried)) tried.push_back(way);
  ASSERT_EQ(tried.size(), 2U);
  EXPECT_NE(tried[0], tried[1]);
}

TEST(PeerDirectory, one_without_an_address_is_none) {
  Fleet fleet;
  fleet.add("a");
  fleet.ways[0].peer.host.clear();
  EXPECT_EQ(fleet.turns(1), (Turns{{"none", 1}}));
}

TEST(PeerHealth, outlives_a_directory_that_is_replaced) {
  PeerBoard board;
  auto first = board.join("a");
  first->failed("gone");
  EXPECT_FALSE(board.join("a")->report().reachable);
  first.reset();
  EXPECT_TRUE(board.join("a")->report().reachable);  // nobody knew it any more
}

TEST(PeerHealth, round_trips_are_smoothed) {
  PeerHealth health;
  EXPECT_FALSE(health.report().checked);
  health.answered(milliseconds(80), false);
  EXPECT_EQ(health.report().round_trip, milliseconds(80));
  health.answered(milliseconds(160), false);
  EXPECT_EQ(health.report().round_trip, milliseconds(90));
  health.failed("gone");
  EXPECT_EQ(health.report().round_trip, milliseconds(90));
  EXPECT_EQ(health.report().error, "gone");
  health.answered(milliseconds(90), false);
  EXPECT_TRUE(health.report().reachable && health.report().error.empty());
}

}  // namespace
}  // namespace culvert
