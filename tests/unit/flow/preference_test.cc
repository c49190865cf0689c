// Shares, stickiness, and how few clients a change of shares moves.
#include "relay/flow/preference.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace culvert {
namespace {

constexpr int kClients = 20000;

Route route_of(const std::vector<uint32_t>& weights) {
  Route route;
  for (size_t i = 0; i < weights.size(); ++i) {
    Destination to;
    to.upstream = "u" + std::to_string(i);
    to.weight = weights[i];
    route.to.push_back(to);
  }
  return route;
}

std::map<std::string, int> shares(const Route& route, bool sticky) {
  SeededRandom random(21);
  std::map<std::string, int> out;
  for (int i = 0; i < kClients; ++i) {
    const std::string client = "tenant-" + std::to_string(i);
    const auto order = in_order_of_preference(
        route, sticky ? std::optional<std::string_view>(client) : std::nullopt, random);
    ++out[order.front()->upstream];
  }
  return out;
}

TEST(Preference, SharesAreTheWeights) {
  for (const bool sticky : {false, true}) {
    auto share = shares(route_of({6, 3, 1, 0}), sticky);
    EXPECT_NEAR(share["u0"], kClients * 0.6, kClients * 0.015) << sticky;
    EXPECT_NEAR(share["u1"], kClients * 0.3, kClients * 0.015) << sticky;
    EXPECT_NEAR(share["u2"], kClients * 0.1, kClients * 0.015) << sticky;
    EXPECT_EQ(share.count("u3"), 0U);
  }
}

TEST(Preference, OneClientStaysWithOneDestination) {
  SeededRandom random(1);
  const Route route = route_of({1, 1, 1});
  const auto first = in_order_of_preference(route, "tenant", random);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(in_order_of_preference(route, "tenant", random), first);
}

// From 5:5 to 6:4 exactly the tenth that has to move does, and only towards the one that grew.
TEST(Preference, AChangeOfWeightsMovesFew) {
  SeededRandom random(1);
  const Route before = route_of({5, 5});
  const Route after = route_of({6, 4});
  int moved = 0;
  for (int i = 0; i < kClients; ++i) {
    const std::string client = "tenant-" + std::to_string(i);
    const auto old = in_order_of_preference(before, client, random).front()->upstream;
    const auto now = in_order_of_preference(after, client, random).front()->upstream;
    if (old == now) continue;
    ++moved;
    EXPECT_EQ(now, "u0");
  }
  EXPECT_NEAR(moved, kClients * 0.1, kClients * 0.015);
}

TEST(Preference, FallbackStandsBehindInItsOwnOrder) {
  SeededRandom random(1);
  Route route = route_of({1, 1});
  for (const char* name : {"spare", "last"}) {
    Destination to;
    to.upstream = name;
    to.weight = 0;
    route.fallback.push_back(to);
  }
  const auto order = in_order_of_preference(route, std::nullopt, random);
  ASSERT_EQ(order.size(), 4U);
  EXPECT_EQ(order[2]->upstream, "spare");
  EXPECT_EQ(order[3]->upstream, "last");
}

TEST(Preference, WeightsThatAreAllZeroLeaveTheFirst) {
  SeededRandom random(1);
  const Route route = route_of({0, 0});
  const auto order = in_order_of_preference(route, std::nullopt, random);
  ASSERT_EQ(order.size(), 1U);
  EXPECT_EQ(order.front()->upstream, "u0");
}

}  // namespace
}  // namespace culvert
