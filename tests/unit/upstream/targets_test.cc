// Choosing among targets: weights, what is left alone, and the floor.
#include "relay/upstream/targets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace culvert {
namespace {

using std::chrono::seconds;

TargetView open_since(int second, uint32_t weight = 1) {
  return {.weight = weight, .open = true, .since = Instant(seconds(second))};
}

TargetView dead_since(int second) {
  TargetView out = open_since(second);
  out.dead = true;
  return out;
}

std::map<size_t, int> shares(const std::vector<TargetView>& targets,
                             Leniency leniency = Leniency::kNotEjected,
                             uint32_t percent = 50) {
  SeededRandom random(11);
  std::map<size_t, int> out;
  for (int i = 0; i < 6000; ++i) {
    const auto chosen = choose_target(targets, percent, leniency, random);
    if (chosen) ++out[*chosen];
  }
  return out;
}

TEST(Targets, ByWeight) {
  auto share = shares({{.weight = 3}, {.weight = 1}, {.weight = 0}});
  EXPECT_NEAR(share[0], 4500, 150);
  EXPECT_EQ(share.count(2), 0U);
}

TEST(Targets, AnEjectedOneGetsNothing) { EXPECT_EQ(shares({open_since(1), {}})[1], 6000); }

TEST(Targets, WhatWasTriedIsNotTriedAgain) {
  EXPECT_EQ(shares({{.tried = true}, {}})[1], 6000);
  EXPECT_TRUE(shares({{.tried = true}}, Leniency::kAny).empty());
}

TEST(Targets, ThoseOpenForLongestAreLeftAlone) {
  const std::vector<TargetView> targets{open_since(5), open_since(1), {}, open_since(3)};
  EXPECT_EQ(ejected(targets, 50), (std::vector<bool>{false, true, false, true}));
  EXPECT_EQ(ejected(targets, 25), (std::vector<bool>{false, true, false, false}));
  EXPECT_EQ(ejected(targets, 100), (std::vector<bool>{true, true, false, true}));
}

TEST(Targets, OneAloneIsNeverEjected) {
  EXPECT_EQ(shares({open_since(1)}, Leniency::kNotEjected, 100)[0], 6000);
  EXPECT_TRUE(shares({open_since(1)}, Leniency::kWell, 100).empty());
}

// Of three with two that nothing connects to, half may be left alone: no request is sent there all
// the same, because it would only fail.
TEST(Targets, DeadOnesGetNothingAsLongAsOneIsNotDead) {
  EXPECT_EQ(shares({dead_since(1), dead_since(2), {}})[2], 6000);
  EXPECT_EQ(shares({dead_since(1), dead_since(2), open_since(3)})[2], 6000);
  EXPECT_EQ(shares({dead_since(1), dead_since(2), {}}, Leniency::kNotEjected, 0)[2], 6000);
  const std::vector<TargetView> of_both = {dead_since(9), open_since(1), {}, {}};
  EXPECT_EQ(ejected(of_both, 50), (std::vector<bool>{true, true, false, false}));
  EXPECT_EQ(ejected(of_both, 25), (std::vector<bool>{true, false, false, false}));
}

// Any may be the one that has recovered.
TEST(Targets, WhereAllAreOpenAllAreAsked) {
  const std::vector<TargetView> ill{open_since(1), open_since(2), open_since(3)};
  EXPECT_EQ(shares(ill, Leniency::kNotEjected, 100).size(), 3U);
  EXPECT_EQ(shares({dead_since(1), dead_since(2)}).size(), 2U);
}

TEST(Targets, EjectedOnesAreUsedWhereNothingElseIsLeft) {
  const std::vector<TargetView> targets{open_since(1), {.tried = true}};
  EXPECT_TRUE(shares(targets).empty());
  EXPECT_EQ(shares(targets, Leniency::kAny)[0], 6000);
}

// For any set of targets: of those that are not dead never more than the share, never all, and a
// choice as long as one has a weight.
TEST(Targets, NeverAllOfThem) {
  SeededRandom random(3);
  for (int round = 0; round < 20000; ++round) {
    std::vector<TargetView> targets(1 + random.below(8));
    size_t in_use = 0;
    size_t dead = 0;
    for (TargetView& target : targets) {
      target = {.weight = static_cast<uint32_t>(random.below(4)),
                .open = random.below(3) != 0,
                .since = Instant(seconds(random.below(5)))};
      target.dead = target.open && random.below(4) == 0;
      if (target.weight == 0) continue;
      ++in_use;
      if (target.dead) ++dead;
    }
    const auto percent = static_cast<uint32_t>(random.below(101));
    const auto away = ejected(targets, percent);
    const auto count = static_cast<size_t>(std::count(away.begin(), away.end(), true));
    ASSERT_LE(count, std::max(dead, in_use * percent / 100));
    if (in_use == 0) continue;
    ASSERT_LT(count, in_use);
    const auto chosen = choose_target(targets, percent, Leniency::kNotEjected, random);
    ASSERT_TRUE(chosen);
    ASSERT_FALSE(away[*chosen]);
    ASSERT_GT(targets[*chosen].weight, 0U);
  }
}

}  // namespace
}  // namespace culvert
